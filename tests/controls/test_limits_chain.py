"""The two elements inside a real pipeline, around a real FastAPI application, with a rule made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fastness.controls.limits import AddressLimits, FallbackStore, Limit, LimitSettings, UserLimits, limit
from fastness.core.asgi import log_crash, problem
from fastness.core.errors import TooManyRequests
from fastness.core.events import Event, EventType
from fastness.core.exchange import Exchange, Pipeline, Quiet
from fastness.core.principal import Principal
from fastness.core.store import Hit, MemoryStore, Rate

pytestmark = pytest.mark.anyio

OFF = LimitSettings(per_address="", per_user="")


@dataclass(frozen=True)
class Rule:
    """What the chain compiles for a route."""

    limits_by_address: tuple[Limit, ...] = ()
    limits_by_user: tuple[Limit, ...] = ()
    path: str = "/"
    methods: frozenset[str] | None = frozenset({"GET"})
    body_limit: int | None = None


class Before(Quiet):
    """Stands for the parts of the chain that run before the limits: route match, address, authentication."""

    def __init__(self, rules: dict[str, Rule]) -> None:
        self.rules = rules

    def enter(self, exchange: Exchange, /) -> None:
        headers = exchange.headers
        exchange.rule = self.rules.get(exchange.scope["path"])
        exchange.client_key = headers.get(b"test-address", b"192.0.2.1").decode()
        if b"test-user" in headers:
            exchange.principal = Principal(id=headers[b"test-user"].decode())


class AwaitedStore:
    """A store that is awaited, as those on a network are."""

    def __init__(self) -> None:
        self.memory = MemoryStore(now=lambda: 0.0)
        self.keys: list[str] = []

    async def hit(self, key: str, rate: Rate) -> Hit:
        await asyncio.sleep(0)
        self.keys.append(key)
        return self.memory.hit(key, rate)

    async def reset(self, key: str) -> None:
        self.memory.reset(key)


class Chain:
    """The pipeline, and a client that says who it is."""

    def __init__(
        self, rules: dict[str, Rule], settings: LimitSettings = OFF, store: Any = None, key: bytes | None = None
    ) -> None:
        self.events: list[Event] = []
        self.store = store if store is not None else MemoryStore(now=lambda: 0.0)
        limits = [kind(settings, self.store, self.events.append, key=key) for kind in (AddressLimits, UserLimits)]
        app = FastAPI()
        for path, rule in rules.items():
            declared = [*rule.limits_by_address, *rule.limits_by_user]
            app.api_route(path, methods=["GET", "POST"], dependencies=[Depends(one) for one in declared])(answer)
        self.app = Pipeline(app, [Before(rules), *limits], answer=problem, crashed=log_crash)

    async def get(self, path: str = "/", times: int = 1, **who: str) -> list[httpx2.Response]:
        headers = {f"test-{name}": value for name, value in who.items()}
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app), base_url="http://app.test"
        ) as client:
            return [await client.get(path, headers=headers) for _ in range(times)]

    async def codes(self, path: str = "/", times: int = 1, **who: str) -> list[int]:
        return [response.status_code for response in await self.get(path, times, **who)]


async def answer() -> str:
    return "ok"


@pytest.fixture(params=["memory", "awaited"])
def store(request: pytest.FixtureRequest) -> Any:
    return MemoryStore(now=lambda: 0.0) if request.param == "memory" else AwaitedStore()


async def test_a_declared_limit_is_counted_once_by_the_chain_and_not_again_by_the_dependency(store: Any) -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("2/hour"),))}, store=store)

    answers = await chain.get(times=3)

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1800"
    assert answers[-1].json()["code"] == "rate_limited"
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert [(event.type, event.reason) for event in chain.events] == [
        (EventType.EXCESS_RATE_LIMIT_EXCEEDED, "2/hour by address")
    ]


async def test_addresses_count_apart_and_one_ipv6_network_as_one(store: Any) -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("1/hour"),))}, store=store)

    answers = [
        (await chain.codes(address=address))[0]
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    ]

    assert answers == [200, 200, 429, 200, 429, 200]


async def test_a_limit_by_user_follows_the_person_and_counts_strangers_by_address(store: Any) -> None:
    chain = Chain({"/": Rule(limits_by_user=(limit("1/hour", by="user"),))}, store=store)

    person = [(await chain.codes(user="ada", address=address))[0] for address in ("192.0.2.1", "192.0.2.2")]
    other = await chain.codes(user="bob")
    strangers = [(await chain.codes(address=address))[0] for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")]

    assert person == [200, 429]
    assert other == [200]
    assert strangers == [200, 429, 200]


async def test_a_user_who_is_named_like_an_address_shares_nothing_with_it(store: Any) -> None:
    chain = Chain({"/": Rule(limits_by_user=(limit("1/hour", by="user"),))}, store=store)

    assert await chain.codes(user="192.0.2.1") == [200]
    assert await chain.codes(address="192.0.2.1") == [200]


async def test_the_first_refusal_wins_and_later_limits_are_not_consumed(store: Any) -> None:
    burst, daily = limit("2/minute"), limit("3/day")
    chain = Chain({"/": Rule(limits_by_address=(burst, daily))}, store=store)

    answers = await chain.get(times=5)

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429, 429]
    bucket = next(plan.buckets[1] for _, (plan, _) in address_limits(chain)._plans.values())
    remaining = (store if isinstance(store, MemoryStore) else store.memory).hit(
        named(chain, bucket.prefix + "192.0.2.1"), bucket.rate
    )
    assert remaining == Hit(True, 0, 0.0, 86400.0)


def address_limits(chain: Chain) -> AddressLimits:
    found = chain.app._enters[1].__self__  # type: ignore[attr-defined]
    assert isinstance(found, AddressLimits)
    return found


def named(chain: Chain, name: str) -> str:
    element = address_limits(chain)
    return element._named(name) if element._digest else name


@given(steps=st.lists(st.integers(0, 90), max_size=60))
def test_two_windows_on_one_route_each_equal_the_limit_alone(steps: list[int]) -> None:
    clock = [0.0]
    rates = ("5/minute", "20/hour")
    alone = [MemoryStore(now=lambda: clock[0]) for _ in rates]
    both = AddressLimits(OFF, MemoryStore(now=lambda: clock[0]))
    rule = Rule(limits_by_address=tuple(limit(rate) for rate in rates))

    for step in steps:
        clock[0] += step
        expected = all(one.hit("", Rate.parse(rate)).allowed for one, rate in zip(alone, rates, strict=True))
        assert passes(both, exchange_for(rule)) == expected


def passes(element: AddressLimits | UserLimits, exchange: Exchange) -> bool:
    try:
        assert element.enter(exchange) is None
    except TooManyRequests:
        return False
    return True


def exchange_for(rule: Rule | None) -> Exchange:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": ("192.0.2.1", 1)}
    exchange = Exchange(scope, no_body)
    exchange.rule = rule
    return exchange


async def no_body() -> dict[str, Any]:
    raise AssertionError("a limit never reads the body")


async def test_each_route_counts_alone_unless_a_name_joins_them(store: Any) -> None:
    alone, joined = limit("1/hour"), limit("1/hour", name="codes")
    chain = Chain(
        {
            "/a": Rule(limits_by_address=(alone,), path="/a"),
            "/b": Rule(limits_by_address=(alone,), path="/b"),
            "/sms": Rule(limits_by_address=(joined,), path="/sms"),
            "/mail": Rule(limits_by_address=(joined,), path="/mail"),
        },
        store=store,
    )

    assert await chain.codes("/a", 2) + await chain.codes("/b", 2) == [200, 429, 200, 429]
    assert await chain.codes("/sms") + await chain.codes("/mail") == [200, 429]


async def test_every_route_together_has_one_default_and_unknown_paths_another(store: Any) -> None:
    chain = Chain({path: Rule(path=path) for path in ("/a", "/b")}, LimitSettings(per_address="3/hour"), store)

    known = await chain.codes("/a", 2) + await chain.codes("/b", 2)
    unknown = [(await chain.codes(f"/guess/{n}"))[0] for n in range(4)]

    assert known == [200, 200, 200, 429]
    assert unknown == [404, 404, 404, 429]


async def test_the_default_by_user_is_for_users_only(store: Any) -> None:
    chain = Chain({"/": Rule()}, LimitSettings(per_address="", per_user="1/hour"), store)

    assert await chain.codes(times=2, user="ada") == [200, 429]
    assert await chain.codes(times=3) == [200, 200, 200]
    assert chain.events[0].who == "ada"


async def test_answers_state_the_tightest_limit_as_draft_11_writes_it(store: Any) -> None:
    rule = Rule(limits_by_address=(limit("5/minute", name="login"),), limits_by_user=(limit("100/day", by="user"),))
    chain = Chain({"/": rule}, LimitSettings(), store)

    answers = await chain.get(times=6)

    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"login";q=5;w=60'}
    assert [answer.headers["ratelimit"] for answer in answers] == [
        f'"login";r={left};t={after}' for left, after in ((4, 12), (3, 24), (2, 36), (1, 48), (0, 60), (0, 12))
    ]
    assert answers[-1].headers["retry-after"] == "12"


async def test_a_hidden_limit_or_the_setting_keeps_counters_out_of_answers() -> None:
    hidden = Chain({"/": Rule(limits_by_address=(limit("1/minute", hidden=True),))}, LimitSettings())
    off = Chain({"/": Rule(limits_by_address=(limit("1/minute"),))}, LimitSettings(headers=False))

    answers = await hidden.get(times=2) + await off.get(times=2)

    assert [answer.status_code for answer in answers] == [200, 429] * 2
    assert not [name for answer in answers for name in answer.headers if name.startswith("ratelimit")]
    assert answers[1].headers["retry-after"] == "60"


async def test_a_limit_that_the_chain_did_not_compile_counts_by_itself() -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("1/hour"),))})
    for element in (before for before in [chain.app._enters[0].__self__] if isinstance(before, Before)):  # type: ignore[attr-defined]
        element.rules = {"/": Rule()}

    assert await chain.codes(times=2) == [200, 429]


async def test_a_flood_over_the_limit_is_one_event() -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("1/hour"),))})

    await chain.codes(times=50)
    await chain.codes(times=5, address="192.0.2.9")

    assert len(chain.events) == 2


async def test_a_shared_store_never_sees_an_address_or_a_user() -> None:
    rule = Rule(limits_by_address=(limit("5/hour"),), limits_by_user=(limit("5/hour", by="user"),))
    stores = [AwaitedStore(), AwaitedStore(), AwaitedStore()]

    for shared, key in zip(stores, (b"k" * 32, b"k" * 32, b"other key" * 4), strict=True):
        await Chain({"/": rule}, LimitSettings(), shared, key).codes(user="ada@example.com")

    assert not [key for shared in stores for key in shared.keys if "192" in key or "ada" in key or len(key) != 47]
    assert len(set(stores[0].keys)) == 4
    assert stores[0].keys == stores[1].keys
    assert not set(stores[0].keys) & set(stores[2].keys)


def test_a_shared_store_without_a_key_is_reported_and_never_with_a_value() -> None:
    shared = FallbackStore(AwaitedStore())

    found = AddressLimits(OFF, shared).problems(production=True)

    assert [problem.what for problem in found] == ["limits share a store without a key"]
    assert not AddressLimits(OFF, shared, key=b"k" * 32).problems(production=True)
    assert not UserLimits().problems(production=True)


async def test_fifty_requests_at_once_get_exactly_the_limit(store: Any) -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("20/hour"),))}, store=store)

    answers = await asyncio.gather(*(chain.codes() for _ in range(50)))

    assert sorted(answers) == [[200]] * 20 + [[429]] * 30


async def test_a_websocket_over_its_limit_is_refused_before_the_handshake() -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("1/hour"),), methods=None)})
    scope = {"type": "websocket", "path": "/", "headers": [], "client": ("192.0.2.1", 1), "query_string": b""}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    for _ in range(2):
        await chain.app(dict(scope), receive, send)

    assert sent[-1] == {"type": "websocket.close", "code": 1008}
    assert chain.events[-1].type == EventType.EXCESS_RATE_LIMIT_EXCEEDED


@pytest.mark.parametrize("rate", ["many", "0/minute", "5"])
def test_a_setting_that_is_no_rate_is_refused(rate: str) -> None:
    with pytest.raises(ValidationError, match="not a rate"):
        LimitSettings(per_address=rate)


async def test_the_memory_store_keeps_both_elements_synchronous() -> None:
    rule = Rule(limits_by_address=(limit("5/hour"),), limits_by_user=(limit("5/hour", by="user"),))
    exchange = exchange_for(rule)

    waits: list[Awaitable[None] | None] = [
        kind(LimitSettings()).enter(exchange) for kind in (AddressLimits, UserLimits)
    ]

    assert waits == [None, None]
    assert exchange.limited


async def test_a_chain_inside_a_chain_states_the_tightest_limit_once() -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("1/minute", name="inner"),))}, LimitSettings())
    elements = [AddressLimits(LimitSettings()), UserLimits(LimitSettings())]
    chain.app = Pipeline(chain.app, elements, answer=problem, crashed=log_crash)

    answers = await chain.get(times=2)

    assert [answer.status_code for answer in answers] == [200, 429]
    assert [answer.headers.get_list("ratelimit-policy") for answer in answers] == [['"inner";q=1;w=60']] * 2
