"""A chain with a session cookie and CSRF protection, and requests made by hand for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection

from by_hand import Reply, ask, nothing
from fastness.controls.access import Authentication
from fastness.controls.body import Body, BodySettings
from fastness.controls.cookies import CookieSession
from fastness.controls.csrf import Csrf, CsrfSettings, csrf_token
from fastness.core.asgi import alone
from fastness.core.declare import opens_session
from fastness.core.exchange import Exchange, Quiet
from fastness.core.keys import KeyRing
from fastness.core.principal import Principal

HOST = "app.example.com"
OURS = f"https://{HOST}"
RING = KeyRing(["an old secret of thirty-two bytes", "a secret of some thirty-two bytes"])
SESSIONS = {
    b"cookie-of-ada": Principal("ada", session="s-ada"),
    b"cookie-of-eve": Principal("eve", session="s-eve"),
    b"no-id": Principal("bob"),
    b"no-id-2": Principal("bob"),
}
UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "post"]
CORPUS = json.loads((Path(__file__).parents[1] / "data/attacks/cors_origins.json").read_text(encoding="utf-8"))
TRICKS = sorted(
    {
        case["origin"]
        .replace("{host_dot_as_any}", "appXexample.com")
        .replace("{host_homoglyph}", "аpp.example.com")
        .replace("{host}", HOST)
        for case in CORPUS
    }
    - {""}
)


class Route:
    """What the gate would leave about the matched route."""

    def __init__(self, endpoint: Any, access: str = "required") -> None:
        self.route, self.endpoint, self.access, self.protected = self, endpoint, access, True
        self.body_limit = None


class Matched(Quiet):
    """Stands for the gate."""

    def __init__(self, rule: Any) -> None:
        self.rule = rule

    def enter(self, exchange: Exchange, /) -> None:
        exchange.rule = self.rule


class Carried:
    """A bearer-like credential, so that some requests are authenticated without a cookie."""

    def __call__(self, exchange: Exchange) -> Principal | None:
        return Principal("ada") if b"authorization" in exchange.headers else None


async def act(a: str = "") -> None:
    """An endpoint that is nothing special."""


@opens_session()
async def sign_in() -> None: ...


@opens_session(mode="cookie")
async def perhaps_sign_in() -> None: ...


def chain(
    settings: CsrfSettings | None = None,
    *,
    app: Any = nothing,
    endpoint: Any = act,
    access: str = "required",
    emit: Any = None,
    most: int = 2**20,
    origins: Iterable[str] = (OURS,),
    ring: KeyRing = RING,
) -> Any:
    session = CookieSession(SESSIONS.get)
    more = {} if emit is None else {"emit": emit}
    return alone(
        app,
        Matched(Route(endpoint, access)),
        Body(BodySettings(max_bytes=most)),
        Authentication([Carried(), session]),
        session,
        Csrf(settings, ring=ring, origins=origins, **more),
    )


async def call(
    *headers: tuple[str, str],
    method: str = "POST",
    cookie: str | None = "cookie-of-ada",
    settings: CsrfSettings | None = None,
    scheme: str = "https",
    query: bytes = b"",
    body: Iterable[bytes] = (b"",),
    **how: Any,
) -> Reply:
    raw = [(b"host", HOST.encode())]
    raw += [] if cookie is None else [(b"cookie", f"__Host-session={cookie}".encode())]
    raw += [(name.encode(), value.encode()) for name, value in headers]
    built = chain(settings, **how)

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await built({**scope, "query_string": query}, receive, send)

    return await ask(asked, method, headers=raw, scheme=scheme, body=body)


async def token(cookie: str = "cookie-of-ada", *, ring: KeyRing = RING) -> str:
    """The token that a page gets."""
    made: list[str] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        made.append(csrf_token(HTTPConnection(scope)))
        await nothing(scope, receive, send)

    reply = await call(method="GET", cookie=cookie, app=page, ring=ring)
    assert reply.status == 200
    return made[0]


async def header(cookie: str = "cookie-of-ada") -> tuple[str, str]:
    return ("x-csrf-token", await token(cookie))


SAME = ("sec-fetch-site", "same-origin")


def code(reply: Reply) -> tuple[int, str | None]:
    return reply.status, reply.json["code"] if reply.status >= 400 else None


PASSED: tuple[int, str | None] = (200, None)
FOREIGN = (403, "cross_site_request")
NO_TOKEN = (403, "csrf_token")
