"""The applications that requests.py compares, and what each must prove before and after its load."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.apps.common import BILLION, ME, ORIGIN, token
from bench.server import Server, free_port, serving, uvicorn

Headers = dict[str, str]

_PUBLIC = "https://api.example.com"
_EXPECTED = (
    "x-content-type-options", "x-frame-options", "referrer-policy", "cross-origin-opener-policy",
    "cross-origin-resource-policy", "permissions-policy", "cache-control", "content-security-policy", "x-request-id",
)  # fmt: skip
_SECURE = {
    "FASTNESS_ENVIRONMENT": "production",
    "FASTNESS_PUBLIC_URL": _PUBLIC,
    "FASTNESS_CORS__ORIGINS": json.dumps([ORIGIN]),
    "FASTNESS_LIMITS__PER_ADDRESS": BILLION,
    "FASTNESS_LIMITS__PER_USER": BILLION,
}
_BEHIND_PROXY = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


@dataclass(frozen=True, slots=True)
class Stack:
    """One application, how it is asked, and what its answers must prove before and after the load."""

    title: str
    app: str
    peer: str | None = None
    """The environment in `peers/`; None for the one that runs this script."""
    env: Mapping[str, str] | None = None
    more: Mapping[str, str] | None = None
    """Headers of the request beyond those that every stack gets."""
    prove: Callable[[Server, str, Headers], tuple[Headers, Callable[[], None]]] | None = None
    """Gives the headers of the request, and a check for after the load."""
    refuses: bool = False
    """Whether every answer during the load must be a refusal, and not 2xx."""


def bare(server: Server, secret: str, headers: Headers) -> tuple[Headers, Callable[[], None]]:
    """No security: the request still carries a credential, so that all stacks parse the same."""
    del server
    return {**headers, "Authorization": f"Bearer {token({'sub': ME['id'], 'role': 'admin'}, secret)}"}, lambda: None


def guide(server: Server, secret: str, headers: Headers) -> tuple[Headers, Callable[[], None]]:
    good = {**headers, "Authorization": f"Bearer {token({'sub': ME['id']}, secret)}"}
    expect(server, headers, 401)
    expect(server, {**headers, "Authorization": f"Bearer {token({'sub': ME['id']}, 'x' * 48)}"}, 401)
    found = expect(server, good, 200)
    present(found, ("x-frame-options", "x-content-type-options", "access-control-allow-origin"))
    return good, lambda: None


def fastapi_users(server: Server, secret: str, headers: Headers) -> tuple[Headers, Callable[[], None]]:
    claims = {"sub": "00000000-0000-0000-0000-00000000002a", "aud": ["fastapi-users:auth"]}
    good = {**headers, "Authorization": f"Bearer {token(claims, secret)}"}
    expect(server, headers, 401)
    expect(server, good, 200)
    return good, lambda: None


def ours(server: Server, secret: str, headers: Headers) -> tuple[Headers, Callable[[], None]]:
    """Every control answers: headers, CORS, id, limits, role, revocation, body cap, foreign host."""
    del secret
    expect(server, headers, 401)
    good = {**headers, "Authorization": f"Bearer {sign_in(server, headers, 'u0000042', 'admin')}"}
    found = expect(server, good, 200)
    present(found, (*_EXPECTED, *(("strict-transport-security",) if "X-Forwarded-Proto" in headers else ())))
    if found.get("access-control-allow-origin") != ORIGIN or "origin" not in found.get("vary", "").lower():
        raise SystemExit(f"the CORS grant is wrong: {found}")
    if found["x-request-id"] == expect(server, good, 200)["x-request-id"]:
        raise SystemExit("two answers have one request id")
    expect(server, {**headers, "Authorization": f"Bearer {sign_in(server, headers, 'u0000043', 'user')}"}, 403)
    expect(server, {**good, "Host": "evil.example.com"}, 400)
    expect(server, {**good, "Content-Length": str(2**21)}, 413)
    revoke(server, {**headers, "Authorization": f"Bearer {sign_in(server, headers, 'u0000042', 'admin')}"})
    return good, lambda: revoke(server, good)


def over_the_limit(server: Server, secret: str, headers: Headers) -> tuple[Headers, Callable[[], None]]:
    """An address that has used up its limit."""
    del secret
    good = {**headers, "Authorization": f"Bearer {sign_in(server, headers, 'u0000042', 'admin')}"}
    while server.ask("GET", "/me", good)[0] == 200:
        pass
    present(expect(server, good, 429), ("retry-after", *_EXPECTED))
    return good, lambda: present(expect(server, good, 429), ("retry-after",))


def forged(server: Server, secret: str, headers: Headers) -> tuple[Headers, Callable[[], None]]:
    """A real token but for its signature."""
    del secret
    token_of = sign_in(server, headers, "u0000042", "admin")
    expect(server, {**headers, "Authorization": f"Bearer {token_of}"}, 200)
    head, _, signature = token_of.rpartition(".")
    bad = {**headers, "Authorization": f"Bearer {head}.{signature[::-1]}"}
    present(expect(server, bad, 401), ("www-authenticate", *_EXPECTED))
    return bad, lambda: present(expect(server, bad, 401), ("www-authenticate",))


def shared(server: Server, secret: str, headers: Headers) -> tuple[Headers, Callable[[], None]]:
    """As `ours`, and the counters stand in Redis, not in the process."""
    before = _counters()
    found = ours(server, secret, headers)
    if _counters() <= before:
        raise SystemExit(f"no counter was written to {_REDIS}")
    return found


def _counters() -> int:
    import redis  # only this stack needs it

    with redis.Redis.from_url(_REDIS) as client:
        return sum(1 for _ in client.scan_iter(f"{_PREFIX}*"))


def sign_in(server: Server, headers: Headers, user: str, role: str) -> str:
    status, _, body = server.ask("POST", f"/token/{user}/{role}", headers)
    if status != 200:
        raise SystemExit(f"no token: {status} {body!r}")
    return str(json.loads(body)["token"])


def revoke(server: Server, good: Headers) -> None:
    """End the session of a token that was good until now; the very next request must say so."""
    expect(server, good, 200)
    status, _, body = server.ask("POST", "/end-session", good)
    if status != 200:
        raise SystemExit(f"the session cannot be ended: {status} {body!r}")
    expect(server, good, 401)


def expect(server: Server, headers: Headers, wanted: int) -> Headers:
    """The headers of the answer from `/me`.

    Raises:
        SystemExit: it has another status.
    """
    status, found, body = server.ask("GET", "/me", headers)
    if status != wanted:
        raise SystemExit(f"GET /me with {headers} is {status} instead of {wanted}: {body[:300]!r}")
    return found


def present(found: Headers, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise SystemExit(f"the answer has no {', '.join(missing)}: {found}")


_REDIS = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/9")
_PREFIX = f"bench-{secrets.token_hex(4)}:"
_IN_REDIS = {**_SECURE, "FASTNESS_REDIS_URL": _REDIS, "FASTNESS_REDIS_PREFIX": _PREFIX, "FASTNESS_REDIS_TIMEOUT": "5"}
_TRUSTING = {**_SECURE, "FASTNESS_PROXIES__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
STACKS = (
    Stack("bare FastAPI", "bare:app", prove=bare),
    Stack("bare FastAPI again (noise)", "bare:app", prove=bare),
    Stack("bare FastAPI, request without credential and origin", "bare:app"),
    Stack("Fastness, everything", "ours:app", env=_SECURE, prove=ours),
    Stack("Fastness, everything, behind a TLS proxy", "ours:app", env=_TRUSTING, more=_BEHIND_PROXY, prove=ours),
    Stack("Fastness, everything, limits in Redis", "ours:app", env=_IN_REDIS, prove=shared),
    Stack(
        "Fastness, 429 over the limit",
        "ours:app",
        env={**_SECURE, "FASTNESS_LIMITS__PER_ADDRESS": "9/hour"},
        prove=over_the_limit,
        refuses=True,
    ),
    Stack("Fastness, 401 for a forged token", "ours:app", env=_SECURE, prove=forged, refuses=True),
    Stack("slowapi alone (one limit)", "limited:app", "limited", prove=bare),
    Stack("the guide's stack", "guide:app", "guide", prove=guide),
    Stack("fastapi-users (JWT, superuser)", "users:app", "users", prove=fastapi_users),
)


def prove_limits(stack: Stack, python: Path) -> None:
    """The limits that the runs raise do count, by address and by user: lowered, they refuse the sixth request."""
    for name in ("FASTNESS_LIMITS__PER_ADDRESS", "FASTNESS_LIMITS__PER_USER"):
        secret, port = secrets.token_urlsafe(36), free_port()
        env = {**(stack.env or {}), "FASTNESS_SECRET": secret, name: "5/hour"}
        command = uvicorn(python, stack.app, port)
        with tempfile.TemporaryDirectory() as folder, serving(command, port, env, Path(folder)) as server:
            headers = {"Host": "api.example.com", "Origin": ORIGIN}
            token_of = f"Bearer {sign_in(server, headers, 'u0000042', 'admin')}"
            already = name == "FASTNESS_LIMITS__PER_ADDRESS"  # signing in was a request from this address
            for _ in range(5 - already):
                expect(server, {**headers, "Authorization": token_of}, 200)
            found = expect(server, {**headers, "Authorization": token_of}, 429)
            present(found, ("ratelimit", "retry-after", *_EXPECTED))
