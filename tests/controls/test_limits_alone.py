"""`Depends(limit(...))` in plain FastAPI applications, without the chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.authentication import SimpleUser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastness.controls.limits import Limit, limit
from fastness.core.address import client_key
from fastness.core.declare import provided
from fastness.core.principal import Principal

pytestmark = pytest.mark.anyio

CORPUS = Path(__file__).parent.parent / "data" / "attacks" / "forwarded_headers.json"


def client_of(app: ASGIApp, address: str = "198.51.100.7") -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, client=(address, 4711))
    return httpx2.AsyncClient(transport=transport, base_url="http://app.test")


async def statuses(app: ASGIApp, path: str, times: int, *, address: str = "198.51.100.7") -> list[int]:
    async with client_of(app, address) as client:
        return [(await client.get(path)).status_code for _ in range(times)]


def app_with(*limits: Limit) -> FastAPI:
    app = FastAPI(dependencies=[Depends(one) for one in limits])

    @app.get("/")
    async def root() -> str:
        return "ok"

    return app


async def test_the_sixth_request_is_refused_and_told_when_to_come_back() -> None:
    app = app_with(limit("5/minute"))

    async with client_of(app) as client:
        answers = [await client.get("/") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert 11 <= int(answers[-1].headers["retry-after"]) <= 12
    assert answers[-1].headers["cache-control"] == "no-store"
    assert answers[-1].json() == {"detail": "Too many requests. Try again later."}


async def test_a_hidden_limit_says_whole_minutes() -> None:
    app = app_with(limit("1/minute", hidden=True))

    async with client_of(app) as client:
        await client.get("/")
        refused = await client.get("/")

    assert refused.headers["retry-after"] == "60"


async def test_no_forwarding_header_gives_another_count() -> None:
    app = app_with(limit("1/hour"))
    cases: list[dict[str, str]] = json.loads(CORPUS.read_text())

    async with client_of(app) as client:
        first = await client.get("/")
        spoofed = {(await client.get("/", headers=[header_of(case)])).status_code for case in cases}

    assert first.status_code == 200
    assert spoofed == {429}


def header_of(case: dict[str, Any]) -> tuple[bytes, bytes]:
    return str(case["header"]).encode("latin-1"), str(case["value"]).encode("utf-8")


async def test_one_ipv6_network_is_one_client_and_its_neighbour_another() -> None:
    app = app_with(limit("1/hour"))

    same = [(await statuses(app, "/", 1, address=f"2001:db8:0:1:{n:x}::{n}"))[0] for n in range(40)]
    other = await statuses(app, "/", 1, address="2001:db8:0:2::1")

    assert same == [200] + [429] * 39
    assert other == [200]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::/64"),
        ("2001:0db8:0000:0000:ffff::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("2001:db8::/64", "2001:db8::/64"),
    ],
)
def test_spellings_of_an_address_are_one_address(address: str, counted: str) -> None:
    assert client_key(address) == counted


def routers() -> Iterator[APIRouter]:
    for _ in range(2):
        router = APIRouter()

        @router.get("/items")
        async def items() -> str:
            return "ok"

        yield router


async def test_a_limit_on_an_included_router_counts_each_of_its_routes_alone() -> None:
    app, shared = FastAPI(), limit("2/hour")
    first, second = routers()
    app.include_router(first, prefix="/a", dependencies=[Depends(shared)])
    app.include_router(second, prefix="/b", dependencies=[Depends(shared)])

    assert await statuses(app, "/a/items", 3) == [200, 200, 429]
    assert await statuses(app, "/b/items", 3) == [200, 200, 429]


async def test_a_limit_reaches_a_router_that_somebody_else_wrote_and_nested() -> None:
    inner, _ = routers()
    third_party = APIRouter(prefix="/vendor")
    third_party.include_router(inner)
    app = FastAPI()
    app.include_router(third_party, dependencies=[Depends(limit("1/hour"))])

    assert await statuses(app, "/vendor/items", 2) == [200, 429]


async def test_two_functions_with_one_name_and_path_never_share_a_count() -> None:
    app, shared = FastAPI(), limit("1/hour")
    for prefix in ("/a", "/b"):
        router = APIRouter(prefix=prefix)

        @router.get("/login", dependencies=[Depends(shared)])
        async def login() -> str:
            return "ok"

        app.include_router(router)

    assert await statuses(app, "/a/login", 2) == [200, 429]
    assert await statuses(app, "/b/login", 2) == [200, 429]


async def test_a_name_shares_one_count_and_another_method_is_no_second_one() -> None:
    app, named, plain = FastAPI(), limit("2/hour", name="codes"), limit("1/hour")

    @app.get("/sms", dependencies=[Depends(named)])
    @app.get("/mail", dependencies=[Depends(named)])
    async def codes() -> str:
        return "ok"

    @app.api_route("/both", methods=["GET", "POST"], dependencies=[Depends(plain)])
    async def both() -> str:
        return "ok"

    assert await statuses(app, "/sms", 1) + await statuses(app, "/mail", 2) == [200, 200, 429]
    async with client_of(app) as client:
        assert [(await client.get("/both")).status_code, (await client.post("/both")).status_code] == [200, 429]


async def test_a_path_parameter_is_no_new_count() -> None:
    app = FastAPI()

    @app.get("/users/{name}", dependencies=[Depends(limit("2/hour"))])
    async def user(name: str) -> str:
        return name

    answers = [(await statuses(app, f"/users/{n}", 1))[0] for n in range(4)]

    assert answers == [200, 200, 429, 429]


async def test_two_limits_on_one_route_count_alone() -> None:
    app = app_with(limit("3/minute"), limit("5/hour"))

    assert await statuses(app, "/", 4) == [200, 200, 200, 429]


@pytest.mark.parametrize("user", [Principal(id="ada"), SimpleUser("ada"), None])
async def test_by_user_follows_the_person_across_addresses_and_strangers_by_address(user: object) -> None:
    inner = app_with(limit("1/hour", by="user"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if user is not None:
            scope["user"] = user
        await inner(scope, receive, send)

    answers = [(await statuses(app, "/", 1, address=f"192.0.2.{n}"))[0] for n in (1, 2, 1)]

    assert answers == ([200, 200, 429] if user is None else [200, 429, 429])


async def test_a_websocket_over_its_limit_is_closed_with_1008() -> None:
    app = FastAPI()

    @app.websocket("/ws", dependencies=[Depends(limit("1/hour"))])
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    sent: list[Message] = []

    for _ in range(2):
        await connect(app, sent)

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close", "websocket.close"]
    assert sent[-1]["code"] == 1008


async def connect(app: ASGIApp, sent: list[Message]) -> None:
    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws", "raw_path": b"/ws", "headers": [], "query_string": b"",
             "client": ("192.0.2.1", 1), "server": ("app.test", 80), "scheme": "ws", "subprotocols": []}  # fmt: skip
    await app(scope, receive, send)


def test_a_limit_says_that_it_provides_limits() -> None:
    assert provided(limit("5/minute")) == ("limits",)


@pytest.mark.parametrize(
    ("rate", "options"),
    [("5", {}), ("unlimited", {}), ("5/minute", {"by": "moon"}), ("5/minute", {"name": 'a"b'}), ("5/minute", {"name": ""})],
)  # fmt: skip
def test_a_malformed_limit_fails_where_it_is_written(rate: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rate|by is|name"):
        limit(rate, **options)
