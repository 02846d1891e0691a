"""CORS: allowed origins read, strangers do not, and no setting lets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Response

from by_hand import LOCAL, Reply, Seen, ask, connect, nothing
from fastness.controls.cors import Cors, CorsSettings
from fastness.controls.headers import Headers
from fastness.core.asgi import alone
from fastness.core.errors import UnsafeConfiguration

pytestmark = pytest.mark.anyio

HOST = "app.example.com"
APP = f"https://{HOST}"
ATTACKS = json.loads((Path(__file__).parents[1] / "data/attacks/cors_origins.json").read_text(encoding="utf-8"))
FILLED = [
    case["origin"]
    .replace("{host_dot_as_any}", "appXexample.com")
    .replace("{host_homoglyph}", "аpp.example.com")
    .replace("{host}", HOST)
    for case in ATTACKS
]
SETTINGS = {
    "exact": CorsSettings(origins=(APP,), credentials=True),
    "pattern": CorsSettings(origin_patterns=(r"https://(?:app|www)\.example\.com",), credentials=True),
}


async def asked(settings: CorsSettings, origin: str | None, method: str = "GET", **how: Any) -> Reply:
    headers = [(b"host", b"api.example.com")] + ([] if origin is None else [(b"origin", origin.encode())])
    if method == "OPTIONS":
        headers += [(b"access-control-request-method", b"PATCH"), (b"access-control-request-headers", b"x-other")]
    return await ask(alone(nothing, Headers(), Cors(settings, **how)), method, headers=headers)


def grants(reply: Reply) -> list[str]:
    return [key.decode() for key, _ in reply.headers if key.startswith(b"access-control-")]


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("origin", FILLED, ids=lambda origin: origin[:30])
async def test_no_origin_of_the_corpus_is_granted_anything(origin: str, method: str, kind: str) -> None:
    reply = await asked(SETTINGS[kind], origin, method)

    assert grants(reply) == []
    assert reply.status == (403 if method == "OPTIONS" else 200)
    assert reply.one("vary") == "Origin"


@pytest.mark.parametrize("kind", SETTINGS)
async def test_an_allowed_origin_is_granted_with_credentials_and_exposed_headers(kind: str) -> None:
    reply = await asked(SETTINGS[kind], APP)

    assert reply.one("access-control-allow-origin") == APP
    assert reply.one("access-control-allow-credentials") == "true"
    assert "x-request-id" in (reply.one("access-control-expose-headers") or "")
    assert reply.one("vary") == "Origin"


async def test_a_preflight_is_answered_without_the_application_and_with_the_chains_headers() -> None:
    called: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["method"])
        await nothing(scope, receive, send)

    reply = await ask(
        alone(app, Headers(), Cors(SETTINGS["exact"])),
        "OPTIONS",
        headers=[LOCAL, (b"origin", APP.encode()), (b"access-control-request-method", b"PATCH")],
    )

    assert (reply.status, reply.body, called) == (204, b"", [])
    assert reply.one("access-control-allow-origin") == APP
    assert reply.one("access-control-allow-methods") == "GET, POST, PUT, PATCH, DELETE"
    assert reply.one("access-control-allow-headers") == "authorization, content-type, x-csrf-token, x-request-id"
    assert reply.one("access-control-max-age") == "3600"
    assert reply.one("x-content-type-options") == "nosniff"
    assert reply.one("access-control-allow-private-network") is None


async def test_options_without_preflight_headers_reaches_the_application() -> None:
    reply = await ask(alone(nothing, Cors(SETTINGS["exact"])), "OPTIONS", headers=[LOCAL, (b"origin", APP.encode())])

    assert (reply.status, reply.body) == (200, b"ok")


async def test_vary_is_sent_without_origin_too_and_joins_the_applications_own() -> None:
    async def varied(scope: Any, receive: Any, send: Any) -> None:
        await nothing(scope, receive, lambda m: send({**m, "headers": [(b"vary", b"Accept")]} if "status" in m else m))

    assert (await asked(SETTINGS["exact"], None)).one("vary") == "Origin"
    assert (await ask(alone(varied, Cors(SETTINGS["exact"])))).all("vary") == ["Accept", "Origin"]


async def test_refusals_and_crashes_carry_the_grant() -> None:
    app = FastAPI()

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(403)

    app.add_middleware(alone, Cors(SETTINGS["exact"]))
    for path, status in (("/crash", 500), ("/refused", 403), ("/missing", 404)):
        reply = await ask(app, path=path, headers=[LOCAL, (b"origin", APP.encode())])
        assert (reply.status, reply.one("access-control-allow-origin")) == (status, APP)


async def test_the_applications_own_grants_are_taken_away() -> None:
    app = FastAPI()

    @app.get("/")
    async def reflect() -> Response:
        own = {"Access-Control-Allow-Origin": "https://evil.test", "Access-Control-Allow-Credentials": "true"}
        return Response(headers=own)

    app.add_middleware(alone, Cors(SETTINGS["exact"]))
    stranger = await ask(app, headers=[LOCAL, (b"origin", b"https://evil.test")])
    friend = await ask(app, headers=[LOCAL, (b"origin", APP.encode())])

    assert grants(stranger) == []
    assert friend.one("access-control-allow-origin") == APP


async def test_an_empty_list_turns_cors_off_and_touches_nothing() -> None:
    reply = await asked(CorsSettings(), APP, "OPTIONS")

    assert (reply.status, reply.one("vary"), grants(reply)) == (200, None, [])


async def test_a_star_without_credentials_grants_every_origin_and_no_credentials() -> None:
    reply = await asked(CorsSettings(origins=("*",)), "https://anyone.test")

    assert reply.one("access-control-allow-origin") == "*"
    assert reply.one("access-control-allow-credentials") is None


async def test_a_stranger_is_an_event_and_ones_own_page_is_none() -> None:
    seen = Seen()

    await asked(SETTINGS["exact"], "http://api.example.com", emit=seen)
    assert seen == []
    await asked(SETTINGS["exact"], "https://evil.test", emit=seen)
    assert seen.types == ["malicious_cors"]


async def test_origins_are_compared_as_browsers_send_them() -> None:
    settings = CorsSettings(
        origins=("https://App.Example.com:443", "https://b.example.com:8443", "https://[2001:db8::1]")
    )

    for origin in (APP, "https://b.example.com:8443", "https://[2001:db8::1]"):
        assert (await asked(settings, origin)).one("access-control-allow-origin") == origin
    assert grants(await asked(settings, "https://b.example.com")) == []


@pytest.mark.parametrize(
    "origin",
    ["null", "https://app.example.com/", "https://app.example.com/x", "app.example.com", "https://", "https://*",
     "https://*.example.com", "ftp://app.example.com", "https://user@app.example.com", "https://a.example.com:0",
     "https://a.example.com:99999", "https://a b", "https://аpp.example.com", "https://[::zz]", "https://a..com", ""],
)  # fmt: skip
def test_what_is_no_origin_stops_the_start(origin: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="origin"):
        Cors(CorsSettings(origins=(origin,)))


def test_a_star_with_credentials_stops_the_start() -> None:
    with pytest.raises(UnsafeConfiguration, match="every origin"):
        Cors(CorsSettings(origins=("*",), credentials=True))


def test_production_refuses_plain_http_except_on_this_machine() -> None:
    assert CorsSettings(origins=("http://app.example.com",)).problems(production=True)
    assert CorsSettings(origins=("http://app.example.com",)).problems(production=False) == []
    assert CorsSettings(origins=("http://localhost:3000", "http://[::1]:3000")).problems(production=True) == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"https://app.example.com", r"https://.*\.example\.com", r"https://.*example\.com", r"https://[a-z]+example\.com",
        r".*", r"https://.+", r"https?://app\.example\.com", r"https://app\.example\.com|https://evil\.test",
        r"https://[^/]+\.example\.com", r"https://\S+\.example\.com", r"https://\w+\.example\.com",
        r"https://app\.[a-z]+", r"https://([a-z]+)+\.example\.com", r"https://app\.example\.(com|org)",
        r"https://(", r"app\.example\.com", r"https://[.a-z]+\.example\.com", r"https://evil|x\.example\.com", "null",
        r"https://app\.example\.com.*", r"https://example\.com:.*", r"https://(?:a|)example\.com",
    ],
)  # fmt: skip
def test_a_pattern_that_lets_strangers_in_stops_the_start(pattern: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="pattern"):
        Cors(CorsSettings(origin_patterns=(pattern,)))


@pytest.mark.parametrize(
    ("pattern", "origin", "stranger"),
    [
        (r"https://[a-z0-9-]+\.example\.com", "https://pr-7.example.com", "https://a.pr-7.example.com"),
        (r"^https://(?:app|www)\.example\.com$", "https://www.example.com", "https://wwww.example.com"),
        (r"https://pr-\d{1,4}\.preview\.example\.com:8443", "https://pr-12.preview.example.com:8443", "https://pr-12"),
        (r"https://example\.com", "https://example.com", "https://evilexample.com"),
    ],
)
async def test_a_careful_pattern_is_accepted_and_matches_whole_origins(
    pattern: str, origin: str, stranger: str
) -> None:
    settings = CorsSettings(origin_patterns=(pattern,))

    assert (await asked(settings, origin)).one("access-control-allow-origin") == origin
    assert grants(await asked(settings, stranger)) == []
    assert grants(await asked(settings, origin + ".evil.test")) == []


async def test_memory_of_matched_origins_is_bounded() -> None:
    element = Cors(CorsSettings(origin_patterns=(r"https://[a-z0-9]+\.example\.com",)))
    app = alone(nothing, element)

    for number in range(1500):
        await ask(app, headers=[LOCAL, (b"origin", b"https://n%d.example.com" % number)])

    assert len(element._grants) <= 1024


@pytest.mark.parametrize("settings", [CorsSettings(), SETTINGS["exact"]])
async def test_a_websocket_of_a_foreign_origin_is_refused_even_when_cors_is_off(settings: CorsSettings) -> None:
    opened: list[str] = []

    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        opened.append("yes")
        await send({"type": "websocket.accept"})

    chain = alone(app, Cors(settings))
    foreign = await connect(chain, headers=[LOCAL, (b"origin", b"https://evil.test")])
    assert (foreign[0]["type"], foreign[0]["status"], opened) == ("websocket.http.response.start", 403, [])
    silent = await connect(chain, headers=[LOCAL, (b"origin", b"null")], denial=False)
    assert (silent, opened) == ([{"type": "websocket.close", "code": 1008}], [])

    assert (await connect(chain, headers=[LOCAL, (b"origin", b"http://localhost")]))[0]["type"] == "websocket.accept"
    assert (await connect(chain))[0]["type"] == "websocket.accept"
