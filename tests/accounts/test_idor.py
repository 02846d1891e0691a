"""Every route that takes an id, with every id of somebody else, in every role: 403 or 404; its owner gets through."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from accounts.passkeys import again, with_passkey
from accounts.serving import Served, bearer, serving

pytestmark = pytest.mark.anyio

Ids = dict[str, str]
PASSKEY = "/account/passkeys/{passkey_id}"
OWN = (
    "/account/sessions/{session_id}", "/account/devices/{device_id}", "/account/factors/{factor_id}", PASSKEY,
    "/account/api-keys/{key_id}",
)  # fmt: skip
"""What belongs to a person, and what its owner deletes."""
CONFIRM = "/account/factors/{factor_id}/confirm"
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /users/{user_id}": {"name": "Somebody"},
    f"POST {CONFIRM}": {"code": "123456"},
    f"PATCH {PASSKEY}": {"name": "Somebody"},
}


def with_ids(served: Served) -> list[tuple[str, str]]:
    """Every route of accounts that names an object, as (method, path)."""
    rules = served.app.state.fastness.gate.current().all
    return sorted(
        (method, rule.path)
        for rule in rules
        for method in rule.methods or ()
        if "{" in rule.path and method not in {"HEAD", "OPTIONS"}
    )


async def call(served: Served, method: str, path: str, ids: Ids, headers: dict[str, str]) -> httpx2.Response:
    body = BODIES.get(f"{method} {path}")
    return await served.client.request(method, path.format(**ids), headers=headers, json=body)


async def person(served: Served, email: str) -> tuple[dict[str, Any], Ids, bytes]:
    """Somebody with a session, a device, a passkey, an API key and a factor that waits: tokens, ids and the seed."""
    user_id = await served.account(email)
    tokens, key, added = await with_passkey(served, email)
    tokens = {**tokens, **(await again(served, tokens, key)).json()}
    headers = bearer(tokens)

    async def newest(what: str) -> str:
        found: str = (await served.client.get(f"/account/{what}", headers=headers)).json()["items"][0]["id"]
        return found

    backup = (await served.client.post("/account/api-keys", json={"name": "Backup"}, headers=headers)).json()
    made = (await served.client.post("/account/factors/totp", json={}, headers=headers)).json()
    ids = {
        "user_id": user_id,
        "session_id": await newest("sessions"),
        "device_id": await newest("devices"),
        "factor_id": made["id"],
        "passkey_id": added["id"],
        "key_id": backup["id"],
    }
    return tokens, ids, base64.b32decode(made["secret"] + "=" * (-len(made["secret"]) % 8))


@pytest.mark.parametrize("role", ["user", "editor", "admin", "super_admin"])
async def test_somebody_elses_objects_are_not_there_for_any_role(url: str, role: str) -> None:
    async with serving(url, settings={"limits": {"per_address": "", "per_user": ""}}) as served:
        _, ids, _ = await person(served, "victim@example.com")
        stranger = await served.signed_in("stranger@example.com", role=role)
        manages = role in {"admin", "super_admin"}
        routes = [(m, p) for m, p in with_ids(served) if not (manages and p.startswith("/users/"))]

        answers = {(m, p): (await call(served, m, p, ids, stranger)).status_code for m, p in routes}

    assert {(m, p) for m, p in routes if p.startswith("/account/")} >= {("DELETE", path) for path in OWN}
    assert {route: status for route, status in answers.items() if status not in {403, 404}} == {}


async def test_its_owner_gets_through_where_others_do_not(served: Served) -> None:
    served.clock.still = served.clock.wall()
    tokens, ids, seed = await person(served, "owner@example.com")
    headers = bearer(tokens)
    done: dict[str, int] = {}

    confirm = CONFIRM.format(**ids)
    done[CONFIRM] = (await served.client.post(confirm, json={"code": served.totp(seed)}, headers=headers)).status_code
    served.clock.ahead += 30
    fresh = await served.client.post("/auth/reauthenticate", json={"code": served.totp(seed)}, headers=headers)
    renamed = await call(served, "PATCH", PASSKEY, ids, bearer(fresh.json()))
    for path in reversed(OWN):  # its session last
        done[path] = (await call(served, "DELETE", path, ids, bearer(fresh.json()))).status_code

    assert renamed.status_code == 204
    assert done == {CONFIRM: 200, **dict.fromkeys(OWN, 204)}
    assert {path for _, path in with_ids(served) if path.startswith("/account/")} == set(done)


async def test_what_administrators_may_do_to_others_they_do_and_others_do_not(served: Served) -> None:
    _, ids, _ = await person(served, "victim@example.com")
    root, user = await served.signed_in("root@example.com", role="admin"), await served.signed_in("user@example.com")
    routes = [(m, p) for m, p in with_ids(served) if p.startswith("/users/")]
    ask: Callable[[str, str, dict[str, str]], Awaitable[httpx2.Response]] = lambda m, p, h: call(served, m, p, ids, h)  # noqa: E731

    refused = {(m, p): (await ask(m, p, user)).status_code for m, p in routes}
    done = {(m, p): (await ask(m, p, root)).status_code for m, p in sorted(routes, key=lambda one: one[0] == "DELETE")}

    assert set(refused.values()) == {403}
    assert {status // 100 for status in done.values()} == {2}
