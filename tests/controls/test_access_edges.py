"""Access at its edges: how long a sign-in is fresh, what a refusal names, and authenticators that take their time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from by_hand import ask, exchange
from fastness.controls.access import Authentication, OptionalUser, Require, current_user, optional_user, require
from fastness.core.errors import InsufficientScope, InvalidToken, Refused
from fastness.core.exchange import Exchange
from fastness.core.principal import Principal

pytestmark = pytest.mark.anyio

ADA = Principal("ada", roles=frozenset({"user"}), permissions=frozenset({"a:read"}), authenticated_at=1_000.0)


def met(requirement: Require, who: Principal | None = ADA, **of: Any) -> bool:
    asked = exchange()
    asked.principal, asked.failure = who, of.get("failure")
    return requirement.settled(asked)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("5m", 300), ("5 m", 300), ("2h", 7200), ("1d", 86_400), ("999999999s", 999_999_999)],
)
def test_a_duration_is_read_in_its_unit(written: str, seconds: int) -> None:
    assert require(fresh=written).fresh == seconds
    assert require(fresh=timedelta(seconds=seconds)).fresh == seconds


@pytest.mark.parametrize("written", ["5mx", "5m\n", "x5m", "0s", "05m", "1000000000s", "5", "m"])
def test_what_is_no_duration_is_refused_whole(written: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        require(fresh=written)


def test_a_sign_in_is_fresh_up_to_its_last_second() -> None:
    assert met(Require(fresh=300, now=lambda: 1_300.0))
    assert not met(Require(fresh=300, now=lambda: 1_300.1))
    assert met(Require(role=["user"], now=lambda: 9e9))


def test_a_requirement_is_met_by_somebody_and_by_nothing_that_failed() -> None:
    assert met(Require())
    assert not met(Require(), None)
    assert not met(Require(), failure=InvalidToken("bad"))
    assert not met(Require(role=["admin"]))


def test_an_optional_caller_may_be_nobody_and_not_somebody_who_failed() -> None:
    asked = exchange()

    assert optional_user.settled(asked) is True
    assert optional_user.answer(asked) is None
    asked.failure = InvalidToken("bad")
    assert optional_user.settled(asked) is False


async def test_a_refusal_names_every_permission_that_is_needed() -> None:
    needs, asked = require(permission=["b:write", "a:read"]), exchange()
    asked.principal = ADA

    with pytest.raises(InsufficientScope) as refused:
        await needs(HTTPConnection({**asked.scope, "fastness": asked}))

    assert refused.value.headers["WWW-Authenticate"].endswith('scope="a:read b:write"')
    assert repr(needs) == "require(role=[], permission=['a:read', 'b:write'], fresh=None)"


@pytest.mark.parametrize("override", [lambda **_: ADA, lambda _="x": ADA, lambda: ADA])
async def test_an_override_without_a_parameter_that_needs_a_value_gets_none(override: Callable[..., Any]) -> None:
    app = FastAPI()

    @app.get("/")
    async def me(user: OptionalUser) -> str:
        return user.id if user else "nobody"

    app.dependency_overrides[current_user] = override

    assert (await ask(app)).json == "ada"


def later(found: Principal | Refused | None) -> Callable[[Exchange], Awaitable[Principal | None]]:
    async def authenticate(_: Exchange) -> Principal | None:
        if isinstance(found, Refused):
            raise found
        return found

    return authenticate


async def entered(asked: Exchange, *authenticators: Any) -> Exchange:
    waiting = Authentication(authenticators).enter(asked)
    if waiting is not None:
        await waiting
    return asked


async def test_each_authenticator_is_asked_once_and_none_after_the_first_that_finds_somebody() -> None:
    counted: list[str] = []

    def counting(name: str, found: Principal | None) -> Any:
        async def authenticate(_: Exchange) -> Principal | None:
            counted.append(name)
            return found

        return authenticate

    asked = await entered(exchange(), lambda _: None, counting("a", None), counting("b", ADA), counting("c", ADA))

    assert asked.principal is ADA
    assert counted == ["a", "b"]


@pytest.mark.parametrize("position", [0, 1])
async def test_a_late_refusal_is_noted_where_others_may_decide_and_raised_where_the_route_needs_us(
    position: int,
) -> None:
    bad = InvalidToken("bad")
    authenticators = [*([later(None)] * position), later(bad), later(ADA)]
    elsewhere = exchange()
    ours, open_to_all = exchange(), exchange()
    ours.rule = SimpleNamespace(protected=True)
    open_to_all.rule = SimpleNamespace(protected=False)

    for asked in (elsewhere, open_to_all):
        await entered(asked, *authenticators)
        assert (asked.failure, asked.principal) == (bad, None)
    with pytest.raises(InvalidToken):
        await entered(ours, *authenticators)


async def test_two_readers_of_one_place_are_one_credential() -> None:
    class Reads:
        def __init__(self, place: str | None) -> None:
            self.place = place

        def __call__(self, _: Exchange) -> Principal | None:
            return ADA if self.place else None

        def carrier(self, _: Exchange) -> str | None:
            return self.place

    one = await entered(exchange(), Reads("authorization"), Reads("authorization"), Reads(None))
    two = await entered(exchange(), Reads("authorization"), Reads(None), Reads("cookie"))

    assert (one.principal, one.failure) == (ADA, None)
    assert two.principal is None
    assert two.failure is not None


async def test_what_a_browser_sends_unasked_is_asked_last_and_the_others_in_their_order() -> None:
    class Asked:
        def __init__(self, name: str, *, ambient: bool | None = None) -> None:
            self.name = name
            if ambient is not None:
                self.ambient = ambient

        def __call__(self, _: Exchange) -> None:
            asked.append(self.name)

    asked: list[str] = []
    await entered(exchange(), Asked("cookie", ambient=True), Asked("bearer"), Asked("key", ambient=False), Asked("own"))

    assert asked == ["bearer", "key", "own", "cookie"]
