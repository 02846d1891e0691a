"""Passkeys through the front door, for tests: make one, sign in with it, prove again with it."""

from __future__ import annotations

from typing import Any

import httpx2

from accounts.mounted import Mounted
from accounts.serving import Served, bearer
from authenticator import Authenticator


async def new(served: Served | Mounted, tokens: dict[str, Any], key: Authenticator, **more: Any) -> httpx2.Response:
    """Ask for options, make a passkey, keep it."""
    options = await served.client.post("/account/passkeys/options", headers=bearer(tokens))
    assert options.status_code == 200, options.text
    given = {"passkey": key.create(options.json()["options"]), **more}
    return await served.client.post("/account/passkeys", json=given, headers=bearer(tokens))


async def with_passkey(
    served: Served, email: str = "ada@example.com", key: Authenticator | None = None
) -> tuple[dict[str, Any], Authenticator, dict[str, Any]]:
    """A session of an account that has a passkey from now on: its tokens, the passkey, and what was answered."""
    key, tokens = key or Authenticator(), await served.login(email)
    made = await new(served, tokens, key)
    assert made.status_code == 201, made.text
    return tokens, key, made.json()


async def asked(served: Served | Mounted, **given: Any) -> dict[str, Any]:
    """Options for a sign-in."""
    answer = await served.client.post("/auth/passkeys/options", json=given)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def login(served: Served | Mounted, key: Authenticator, **more: Any) -> httpx2.Response:
    """Sign in with the passkey alone."""
    options = await asked(served)
    given = {"flow": options["flow"], "passkey": key.get(options["options"]), **more}
    return await served.client.post("/auth/passkeys/login", json=given)


async def again(served: Served, tokens: dict[str, Any], key: Authenticator) -> httpx2.Response:
    """Prove again with the passkey."""
    options = await served.client.post("/auth/reauthenticate/options", headers=bearer(tokens))
    assert options.status_code == 200, options.text
    given = {"passkey": key.get(options.json()["options"])}
    return await served.client.post("/auth/reauthenticate", json=given, headers=bearer(tokens))
