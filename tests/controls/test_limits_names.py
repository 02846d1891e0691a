"""Which counts are one and which are two, what they are called in a store, and what an answer says of them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI
from pydantic import ValidationError
from starlette.authentication import BaseUser
from starlette.types import Receive, Scope, Send

from controls.test_limits_alone import app_with, statuses
from controls.test_limits_chain import OFF, AwaitedStore, Before, Chain, Rule, answer, exchange_for
from fastness.controls.limits import AddressLimits, Limit, LimitSettings, UserLimits, elements, limit
from fastness.core.asgi import log_crash, problem
from fastness.core.errors import TooManyRequests
from fastness.core.events import Event, EventType, Level
from fastness.core.exchange import Pipeline
from fastness.core.store import Hit, MemoryStore, Rate

pytestmark = pytest.mark.anyio


class Recording(MemoryStore):
    """Memory that keeps the names of what it counted, and of what it was asked in the quick way."""

    def __init__(self) -> None:
        super().__init__(now=lambda: 0.0)
        self.keys, self.quick = list[str](), list[str]()

    def hit(self, key: str, rate: Rate) -> Hit:
        self.keys.append(key)
        return super().hit(key, rate)

    def passes(self, key: str, rate: Rate) -> bool:
        self.quick.append(key)
        return super().passes(key, rate)


def stated(response: httpx2.Response) -> str | None:
    found: str | None = response.headers.get("ratelimit-policy")
    return found


async def test_two_methods_of_one_path_are_two_routes_and_two_names_two_counts() -> None:
    each, first, second = limit("1/hour"), limit("1/hour", name="first"), limit("1/hour", name="second")
    limits = AddressLimits(OFF, MemoryStore(now=lambda: 0.0))

    for rule in (
        Rule((each,), path="/a"),
        Rule((each,), path="/a", methods=frozenset({"POST"})),
        Rule((first,)),
        Rule((second,)),
    ):
        assert limits.enter(exchange_for(rule)) is None


async def test_defaults_by_user_share_nothing_with_defaults_by_address() -> None:
    chain = Chain({"/": Rule()}, LimitSettings(per_address="1/hour", per_user="1/hour"))

    assert await chain.codes(address="192.0.2.1") == [200]
    assert await chain.codes(user="192.0.2.1", address="192.0.2.2") == [200]
    assert await chain.codes("/none", address="192.0.2.1") == [404]
    assert await chain.codes("/none", user="192.0.2.1", address="192.0.2.2") == [404]


async def test_unknown_paths_are_counted_for_users_too_and_say_nothing_until_they_are_refused() -> None:
    chain = Chain({}, LimitSettings(per_address="", per_user="2/hour"))

    answers = [(await chain.get("/none", user="ada", address=f"192.0.2.{n}"))[0] for n in range(3)]

    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert [stated(answer) for answer in answers] == [None, None, '"unmatched";q=2;w=3600']
    assert [(event.reason, event.level) for event in chain.events] == [("unmatched", Level.WARN)]


async def test_strangers_of_one_ipv6_network_are_one_for_a_limit_by_user() -> None:
    chain = Chain({"/": Rule(limits_by_user=(limit("1/hour", by="user"),))})

    assert await chain.codes(address="2001:db8::1") + await chain.codes(address="2001:db8::2") == [200, 429]


@pytest.mark.parametrize("who", [{}, {"user": "ada"}])
async def test_a_default_is_stated_by_the_answer_that_it_refuses_alone(who: dict[str, str]) -> None:
    name = "user" if who else "address"
    chain = Chain(
        {"/": Rule()}, LimitSettings.model_validate({"per_address": "", "per_user": "", f"per_{name}": "1/hour"})
    )

    answers = await chain.get(times=2, **who)

    assert [answer.status_code for answer in answers] == [200, 429]
    assert [stated(answer) for answer in answers] == [None, f'"per-{name}";q=1;w=3600']


async def test_beside_a_hidden_limit_an_open_one_is_stated_when_it_refuses() -> None:
    limits = (limit("1/hour", name="open"), limit("5/hour", hidden=True))
    chain = Chain({"/": Rule(limits_by_address=limits)}, LimitSettings())

    answers = await chain.get(times=2)

    assert [stated(answer) for answer in answers] == [None, '"open";q=1;w=3600']


async def test_of_a_used_up_limit_and_one_that_refuses_the_answer_states_the_second() -> None:
    limits = (limit("2/minute", name="used-up"), limit("1/day", name="refusing"))
    chain = Chain({"/": Rule(limits_by_address=limits)}, LimitSettings())

    answers = await chain.get(times=2)

    assert [answer.status_code for answer in answers] == [200, 429]
    assert stated(answers[1]) == '"refusing";q=1;w=86400'
    assert answers[1].headers["ratelimit"] == '"refusing";r=0;t=86400'


async def test_seconds_are_rounded_up_and_one_second_is_said_as_one() -> None:
    chain = Chain(
        {
            "/seventh": Rule((limit("7/minute", name="seventh"),), path="/seventh"),
            "/second": Rule((limit("60/minute", name="second"),), path="/second"),
        },
        LimitSettings(),
    )

    (seventh,), (second,) = await chain.get("/seventh"), await chain.get("/second")

    assert seventh.headers["ratelimit"] == '"seventh";r=6;t=9'
    assert second.headers["ratelimit"] == '"second";r=59;t=1'


async def test_a_shared_store_without_a_key_sees_no_address_either_and_names_stay_from_version_to_version() -> None:
    settings = LimitSettings(per_address="5/hour", per_user="")
    stores = [AwaitedStore(), AwaitedStore()]

    for store, key in zip(stores, (None, b"k" * 32), strict=True):
        await Chain({"/": Rule()}, settings, store, key).codes()

    # Other names would open every limit once more while a new version is rolled out.
    assert [store.keys for store in stores] == [
        ["limits:624b9ec3f1fa57a4c5f35952a377baa1207303cd"],
        ["limits:d0035792186921306d137856b7113681364cbea1"],
    ]


async def test_with_a_key_memory_sees_no_address_and_without_one_it_is_asked_in_the_quick_way() -> None:
    with_key, without = Recording(), Recording()

    await Chain({"/": Rule()}, LimitSettings(), with_key, b"k" * 32).codes(user="ada")
    await Chain({"/": Rule()}, LimitSettings(), without).codes(user="ada")

    assert len(with_key.keys) == 2
    assert not [key for key in with_key.keys + with_key.quick if "192" in key or "ada" in key]
    assert [key.rsplit(":", 1)[1] for key in without.quick] == ["192.0.2.1", "ada"]


def test_without_a_store_this_process_counts_and_nobody_misses_one() -> None:
    events = list[Event]()
    limits = AddressLimits(LimitSettings(per_address="1/hour"), emit=events.append)

    assert limits.enter(exchange_for(Rule())) is None
    with pytest.raises(TooManyRequests):
        limits.enter(exchange_for(Rule()))

    assert [event.type for event in events] == [EventType.EXCESS_RATE_LIMIT_EXCEEDED]


async def test_a_name_that_is_no_unicode_text_is_counted_and_no_error() -> None:
    store = AwaitedStore()
    limits = AddressLimits(LimitSettings(per_address="1/hour"), store, key=b"k" * 32)
    exchange = exchange_for(Rule())
    exchange.client_key = "\udcff"

    waiting = limits.enter(exchange)

    assert waiting is not None
    await waiting
    assert len(store.keys) == 1


def test_routes_that_come_and_go_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "_MOST_PLANS", 3)
    limits = UserLimits()

    for n in range(10):
        limits.enter(exchange_for(Rule(path=f"/{n}")))
        assert len(limits._plans) <= 3


def without_limits(dependency: Limit, rules: dict[str, Rule]) -> Any:
    """A chain that knows the route and the caller, and counts nothing."""
    app = FastAPI()
    app.get("/", dependencies=[Depends(dependency)])(answer)
    return Pipeline(app, [Before(rules)], answer=problem, crashed=log_crash)


async def asked(app: Any, **who: str) -> int:
    headers = {f"test-{name}": value for name, value in who.items()}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://app.test") as client:
        return (await client.get("/", headers=headers)).status_code


async def test_a_declared_limit_counts_by_itself_where_the_chain_has_no_limits() -> None:
    one = limit("1/hour")
    app = without_limits(one, {"/": Rule(limits_by_address=(one,))})

    assert [await asked(app), await asked(app)] == [200, 429]


async def test_a_limit_by_user_that_counts_by_itself_knows_who_the_chain_knows() -> None:
    app = without_limits(limit("1/hour", by="user"), {})

    people = [
        await asked(app, user=user, address=f"192.0.2.{n}") for n, user in enumerate(["ada", "ada", "bob", "bob"])
    ]
    strangers = [await asked(app, address=address) for address in ("192.0.2.7", "192.0.2.7", "192.0.2.8")]

    assert people == [200, 429, 200, 429]
    assert strangers == [200, 429, 200]


async def test_a_limit_on_a_route_that_the_chain_does_not_know_counts_by_itself() -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("1/hour"),))})
    chain.app._enters[0].__self__.rules = {}  # type: ignore[attr-defined]

    assert await chain.codes(times=2) == [200, 429]


def test_a_limit_is_settled_when_the_chain_counts_and_counts_this_one() -> None:
    one, other = limit("1/hour"), limit("1/hour")

    def settled(rule: Rule, *, limited: bool) -> bool:
        exchange = exchange_for(rule)
        exchange.limited = limited
        return one.settled(exchange)

    assert settled(Rule((one,)), limited=True)
    assert not settled(Rule((one,)), limited=False)
    assert not settled(Rule((other,)), limited=True)


async def test_one_function_on_two_paths_has_two_counts() -> None:
    app, plain = FastAPI(), limit("1/hour")
    for path in ("/a", "/b"):
        app.get(path, dependencies=[Depends(plain)])(answer)

    assert [await statuses(app, path, 2) for path in ("/a", "/b")] == [[200, 429]] * 2


class Person(BaseUser):
    """A user as Starlette's AuthenticationMiddleware leaves one, with no identity."""

    def __init__(self, name: str) -> None:
        self.display = name

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.display


class Unchecked:
    """Something that does not say whether anybody checked it."""

    identity = "ada"


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ([Person("ada"), Person("ada"), Person("bob")], [200, 429, 200]),
        ([Unchecked(), Unchecked(), Unchecked()], [200, 200, 200]),
    ],
)
async def test_users_of_another_authentication_count_by_name_and_unchecked_ones_by_address(
    users: list[object], expected: list[int]
) -> None:
    inner, coming = app_with(limit("1/hour", by="user")), iter(users)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["user"] = next(coming)
        await inner(scope, receive, send)

    answers = [(await statuses(app, "/", 1, address=f"192.0.2.{n}"))[0] for n in range(3)]

    assert answers == expected


@pytest.mark.parametrize(("left", "said"), [(1.0, 60.0), (60.0, 60.0), (60.5, 120.0), (61.0, 120.0)])
def test_a_hidden_limit_states_whole_minutes_rounded_up(left: float, said: float) -> None:
    assert limit("1/hour", hidden=True).wait(left) == said
    assert limit("1/hour").wait(left) == left


def test_a_limit_reads_as_it_was_written() -> None:
    assert repr(limit("5/minute")) == "limit('5/minute', by='address')"
    assert repr(limit("5/minute", by="user", name="codes")) == "limit('5/minute', by='user', name='codes')"


def test_settings_that_were_checked_stay_as_they_are() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        LimitSettings().per_address = ""  # type: ignore[misc]
