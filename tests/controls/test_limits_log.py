"""Limits that only log: every request passes, what would have been refused is one event a minute, counters go on."""

from __future__ import annotations

import pytest
from fastapi import Depends, FastAPI

from by_hand import Seen, ask
from fastness import Settings, limit, public, secure
from fastness.controls.limits import LimitSettings
from fastness.core.store import Hit, MemoryStore, Rate

pytestmark = pytest.mark.anyio


class Awaited:
    """A store on a network."""

    def __init__(self) -> None:
        self.memory = MemoryStore()

    async def hit(self, key: str, rate: Rate) -> Hit:
        return self.memory.hit(key, rate)

    async def reset(self, key: str) -> None:
        self.memory.reset(key)


def limited(settings: LimitSettings, events: Seen, store: Awaited | None = None) -> FastAPI:
    app = FastAPI()
    secure(
        app,
        Settings(environment="development", limits=settings),
        security_events=events,  # type: ignore[arg-type]  # a sink in its place
        store=store,
    )

    @app.get("/", dependencies=[Depends(limit("2/minute")), Depends(limit("3/hour", by="user"))])
    @public("a page")
    async def page() -> str:
        return "hello"

    return app


@pytest.mark.parametrize("store", [None, Awaited()], ids=["memory", "awaited"])
async def test_every_request_passes_and_each_limit_is_reported_once_a_minute(store: Awaited | None) -> None:
    events = Seen()
    app = limited(LimitSettings(mode="log", per_address="4/minute"), events, store)

    replies = [await ask(app) for _ in range(12)]

    excess = [event for event in events if event.type == "excess_rate_limit_exceeded"]
    assert {reply.status for reply in replies} == {200}
    assert {event.reason for event in excess} == {"per-address", "2/minute by address", "3/hour by user"}
    assert len(excess) == 3
    assert all(event.details == {"enforced": False} for event in excess)


async def test_an_answer_states_no_limit_that_nobody_keeps() -> None:
    app = limited(LimitSettings(mode="log"), Seen())

    replies = [await ask(app) for _ in range(5)]

    assert {name for reply in replies for name, _ in reply.headers} & {b"ratelimit", b"ratelimit-policy"} == set()
    assert all(reply.one("retry-after") is None for reply in replies)


async def test_enforced_again_the_same_limit_refuses() -> None:
    events = Seen()
    app = limited(LimitSettings(mode="enforce"), events)

    statuses = [(await ask(app)).status for _ in range(4)]

    assert statuses == [200, 200, 429, 429]
    assert [event.details for event in events if event.type == "excess_rate_limit_exceeded"] == [{}]
