"""The start: every hook once for each life of the server, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from by_hand import ask
from fastness import Settings, public, secure
from fastness.controls.problems import Problems

pytestmark = pytest.mark.anyio


class Life:
    """An application that notes what its lifespan and its hooks do."""

    def __init__(self, *, fails: str = "", late_route: bool = False) -> None:
        self.seen: list[str] = []

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
            self.note("their start", fails)
            if late_route:
                app.add_api_route("/late", lambda: "open")
            yield {"mine": "kept"}
            self.note("their stop", fails)

        async def start() -> None:
            self.note("start", fails)

        async def second() -> None:
            self.note("second", fails)

        async def stop() -> None:
            self.note("stop", fails)

        self.app = FastAPI(lifespan=lifespan)
        self.app.add_api_route("/open", public("anybody")(lambda: "open"))
        self.secured = secure(self.app, Settings(environment="development"), on_start=[start, second], on_stop=[stop])

    def note(self, what: str, fails: str) -> None:
        self.seen.append(what)
        if what == fails:
            raise RuntimeError(what)

    async def live(self) -> list[str]:
        """One life of a server that stops as soon as it is told anything; what it was told."""
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        sent: list[str] = []

        async def send(message: Any) -> None:
            sent.append(message["type"])
            self.said = message.get("message", "")
            if message["type"] == "lifespan.startup.complete":
                await incoming.put({"type": "lifespan.shutdown"})

        self.state: dict[str, Any] = {}
        await incoming.put({"type": "lifespan.startup"})
        async with asyncio.timeout(5):
            await self.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}, incoming.get, send)
        return sent


GOOD = ["lifespan.startup.complete", "lifespan.shutdown.complete"]
ORDER = ["start", "second", "their start", "their stop", "stop"]


async def test_each_life_of_the_server_runs_every_hook_and_keeps_the_state() -> None:
    life = Life()

    for _ in range(2):
        life.seen.clear()
        assert await life.live() == GOOD
        assert life.seen == ORDER
        assert life.state == {"mine": "kept"}


def test_a_second_life_after_requests_runs_every_hook_in_its_own_loop() -> None:
    life = Life()

    for _ in range(2):
        life.seen.clear()
        with TestClient(life.app, base_url="http://localhost") as http:
            assert http.get("/open").status_code == 200
        assert life.seen == ORDER


async def test_a_life_that_begins_after_requests_ends_what_those_began() -> None:
    life = Life()

    assert (await ask(life.app, path="/open")).status == 200
    assert await life.live() == GOOD

    assert life.seen == ["start", "second", "stop", *ORDER]


async def test_two_loops_may_send_the_first_request_at_once_one_after_the_other() -> None:
    life = Life()

    async def several() -> list[int]:
        return [reply.status for reply in await asyncio.gather(*(ask(life.app, path="/open") for _ in range(5)))]

    first, second = [await asyncio.to_thread(asyncio.run, several()) for _ in range(2)]

    assert first == second == [200] * 5
    assert life.seen == ["start", "second"]


async def test_when_the_applications_own_start_fails_what_our_hooks_began_is_ended() -> None:
    life = Life(fails="their start")

    with pytest.raises(RuntimeError, match="their start"):
        await life.live()

    assert life.seen == ["start", "second", "their start", "stop"]


async def test_when_the_applications_own_stop_fails_our_hooks_still_run() -> None:
    life = Life(fails="their stop")

    with pytest.raises(RuntimeError, match="their stop"):
        await life.live()

    assert life.seen[-1] == "stop"


async def test_a_failed_hook_ends_what_the_others_began_and_names_only_its_kind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    life = Life(fails="second")

    assert await life.live() == ["lifespan.startup.failed"]

    assert life.seen == ["start", "second", "stop"]
    assert life.said == "fastness: the start failed: RuntimeError; the log has the details"
    assert (await ask(life.app, path="/open")).status == 503


async def test_an_unsafe_change_in_the_lifespan_ends_it_again_and_is_told_once() -> None:
    life = Life(late_route=True)

    assert await life.live() == ["lifespan.startup.failed"]

    assert "GET /late" in life.said
    assert life.seen == ORDER


async def test_a_route_that_cannot_be_read_stops_the_start_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    life = Life()
    life.secured.gate._build = lambda: 1 / 0  # type: ignore[assignment,return-value]

    assert await life.live() == ["lifespan.startup.failed"]

    assert life.said == "fastness: the start failed: ZeroDivisionError; the log has the details"
    assert life.seen == []
    assert (await ask(life.app, path="/open")).status == 503


async def test_a_failed_life_does_not_spoil_the_next_one() -> None:
    life = Life()
    life.app.add_api_route("/late", lambda: "open")
    assert await life.live() == ["lifespan.startup.failed"]
    assert (await ask(life.app, path="/open")).status == 503

    life.app.router.routes.pop()

    assert await life.live() == GOOD
    assert (await ask(life.app, path="/open")).status == 200


async def test_problems_alone_can_be_installed_after_requests() -> None:
    app = FastAPI()
    assert (await ask(app, path="/nowhere")).json == {"detail": "Not Found"}

    Problems().install(app)

    assert (await ask(app, path="/nowhere")).json["code"] == "not_found"
