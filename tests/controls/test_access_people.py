"""Routes for people alone: an API key is refused there, and everybody else is asked nothing more."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI

from fastness.controls.access.people import PeopleOnly, PersonRequired
from fastness.core.asgi import alone
from fastness.core.exchange import Exchange, Quiet
from fastness.core.principal import Principal

pytestmark = pytest.mark.anyio

CALLERS = {
    b"ada": Principal("ada"),
    b"browser": Principal("ada", scheme="cookie"),
    b"program": Principal("ada", scheme="apikey"),
}


class Rule:
    """What the chain compiles for a route."""

    limits_by_address = limits_by_user = ()
    body_limit = None

    def __init__(self, access: str) -> None:
        self.access = access


class Known(Quiet):
    """Stands for the authentication, and for the match of the route."""

    def __init__(self, rule: Any) -> None:
        self.rule = rule

    def enter(self, exchange: Exchange, /) -> None:
        exchange.rule = self.rule
        exchange.principal = CALLERS.get(exchange.headers.get(b"test-caller", b""))


def application(*chain: Known) -> FastAPI:
    app = FastAPI()
    if chain:
        app.add_middleware(alone, *chain)

    @app.get("/", dependencies=[Depends(PeopleOnly())])
    async def keys() -> str:
        return "made"

    return app


async def asked(app: Any, caller: str = "") -> httpx2.Response:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://app.test") as client:
        return await client.get("/", headers={"test-caller": caller})


@pytest.mark.parametrize("rule", [Rule("required"), None, object()], ids=["required", "unknown route", "rule without"])
async def test_only_a_key_is_refused_and_told_what_to_do(rule: Any) -> None:
    app = application(Known(rule))

    answers = {caller: await asked(app, caller) for caller in ("", "ada", "browser", "program")}

    assert {caller: answer.status_code for caller, answer in answers.items()} == {
        "": 200, "ada": 200, "browser": 200, "program": 403,
    }  # fmt: skip
    assert answers["program"].json()["code"] == "person_required"
    assert answers["program"].json()["detail"] == "An API key may not do this. Sign in."


async def test_on_a_public_route_a_key_is_nobody_as_ever() -> None:
    assert (await asked(application(Known(Rule("public"))), "program")).status_code == 200


async def test_without_a_chain_nobody_is_known_to_be_a_key() -> None:
    assert (await asked(application(), "program")).status_code == 200


async def test_what_the_chain_knows_before_the_route_is_asked() -> None:
    async def no_body() -> dict[str, Any]:
        raise AssertionError("never read")

    def settled(caller: bytes, rule: Any) -> bool:
        exchange = Exchange({"type": "http", "method": "GET", "path": "/", "headers": []}, no_body)
        exchange.principal, exchange.rule = CALLERS.get(caller), rule
        return PeopleOnly().settled(exchange)

    assert settled(b"", Rule("required"))
    assert settled(b"ada", Rule("required"))
    assert not settled(b"program", Rule("required"))
    assert settled(b"program", Rule("public"))
    assert PersonRequired.status == 403
