"""Whoever stays connected is asked again, and whatever no longer holds ends the connection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from by_hand import Seen, exchange
from fastness import CurrentUser, OptionalUser, Settings, public, secure
from fastness.chain import Secured
from fastness.controls.websockets import WebSocketSettings
from fastness.controls.websockets.watches import Watches
from fastness.core import sockets
from fastness.core.errors import InvalidToken, Refused, TooManyRequests, Unavailable
from fastness.core.exchange import Exchange
from fastness.core.principal import Principal
from live import Live, closed, serving, until

pytestmark = pytest.mark.anyio

ENDED = (3000, "session_ended")


@dataclass
class Door:
    """An authenticator whose answer the test decides."""

    who: Principal | None = field(default_factory=lambda: Principal("ada", session="s", token="t"))
    fails: Callable[[], Exception] | None = None
    waits: asyncio.Event | None = None
    asked: int = 0

    def __call__(self, exchange: Exchange) -> Principal | Awaitable[Principal | None] | None:
        self.asked += 1
        return self._later() if self.waits is not None else self._now()

    async def _later(self) -> Principal | None:
        assert self.waits is not None
        await self.waits.wait()
        return self._now()

    def _now(self) -> Principal | None:
        if self.fails is not None:
            raise self.fails()
        return self.who


@dataclass
class Heard:
    """What the handlers saw."""

    ends: list[tuple[int, str]] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    done: int = 0
    cancelled: int = 0


@contextlib.asynccontextmanager
async def live(
    *, heard: Heard | None = None, recheck: float = 0.1, chosen: dict[str, Any] | None = None, **parts: Any
) -> AsyncIterator[tuple[Live, Secured]]:
    app = FastAPI()
    _routes(app, heard or Heard())
    settings = Settings(environment="development", websockets=WebSocketSettings(recheck=recheck, **(chosen or {})))
    secured = secure(app, settings, **parts)
    async with serving(app) as server:
        yield server, secured


def _routes(app: FastAPI, saw: Heard) -> None:
    @app.websocket("/ws")
    async def echo(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.id)
        try:
            while True:
                text = await socket.receive_text()
                saw.got.append(text)
                await socket.send_text(text)
        except WebSocketDisconnect as end:
            saw.ends.append((end.code, end.reason))
        finally:
            saw.done += 1

    @app.websocket("/bare")
    async def bare(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.id)
        while True:
            await socket.receive_text()

    @app.websocket("/push")
    async def push(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        while True:
            await socket.send_text("tick")
            await asyncio.sleep(0.02)

    _odd_routes(app, saw)


def _odd_routes(app: FastAPI, saw: Heard) -> None:
    @app.websocket("/deaf")
    async def deaf(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.id)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            saw.cancelled += 1
            raise

    @app.websocket("/maybe")
    @public("strangers are welcome")
    async def maybe(socket: WebSocket, user: OptionalUser) -> None:
        await socket.accept()
        await socket.send_text(user.id if user is not None else "nobody")
        async for _ in socket.iter_text():
            pass


async def test_it_stays_open_while_the_answer_stays_the_same() -> None:
    door = Door()
    async with live(authenticators=[door]) as (server, _), server.open() as ws:
        assert await ws.recv() == "ada"
        await until(lambda: door.asked > 4)
        await ws.send("still here")
        assert await ws.recv() == "still here"


@pytest.mark.parametrize("later", [False, True], ids=["at once", "awaited"])
@pytest.mark.parametrize(
    "now",
    [
        None,
        Principal("eve", session="s", token="t"),
        Principal("ada", session="other", token="t"),
        Principal("ada", session="s", token="t", roles=frozenset({"admin"})),
        Principal("ada", session="s", token="t", permissions=frozenset({"x"})),
        Principal("ada", session="s", token="t", expires_at=1.0),
    ],
    ids=["nobody", "somebody else", "another session", "another role", "another permission", "expired"],
)
async def test_another_answer_ends_it(now: Principal | None, *, later: bool) -> None:
    door, events, heard = Door(), Seen(), Heard()
    async with live(authenticators=[door], security_events=events, heard=heard) as (server, _), server.open() as ws:
        await ws.recv()
        if later:
            door.waits = asyncio.Event()
            door.waits.set()
        door.who = now
        assert await closed(ws, within=3) == ENDED
        await until(lambda: heard.done == 1)

    assert heard.ends == [ENDED]
    assert [(event.who, str(event.level)) for event in events if event.type == "session_expired"] == [("ada", "INFO")]


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (lambda: InvalidToken("the secret reason"), ENDED),
        (lambda: Refused("the secret reason"), ENDED),
        (lambda: Unavailable("the secret reason"), (1013, "unavailable")),
        (lambda: OSError("the secret reason"), (1013, "unavailable")),
    ],
    ids=["invalid", "refused", "unavailable", "broken"],
)
@pytest.mark.parametrize("later", [False, True], ids=["at once", "awaited"])
async def test_what_cannot_be_confirmed_ends_it_and_the_reason_stays_here(
    error: Callable[[], Exception], end: tuple[int, str], *, later: bool
) -> None:
    door = Door()
    async with live(authenticators=[door]) as (server, _), server.open() as ws:
        await ws.recv()
        if later:
            door.waits = asyncio.Event()
            door.waits.set()
        door.fails = error
        assert await closed(ws, within=3) == end


async def test_a_used_up_limit_is_no_end_until_it_lasts() -> None:
    door = Door()
    async with live(authenticators=[door]) as (server, _), server.open() as ws:
        await ws.recv()
        for _ in range(2):
            asked = door.asked
            door.fails = lambda: TooManyRequests(retry_after=1)
            await until(lambda asked=asked: door.asked == asked + 2)  # type: ignore[misc]
            door.fails = None
            await until(lambda asked=asked: door.asked > asked + 3)  # type: ignore[misc]
        await ws.send("still here")
        assert await ws.recv() == "still here"
        door.fails = lambda: TooManyRequests(retry_after=1)
        assert await closed(ws, within=3) == (1013, "unavailable")


async def test_an_authenticator_that_hangs_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastness.controls.websockets.watches._TIMEOUT", 0.2)
    door = Door()
    async with live(authenticators=[door]) as (server, _), server.open() as ws:
        await ws.recv()
        door.waits = asyncio.Event()
        assert await closed(ws, within=3) == (1013, "unavailable")


async def test_a_token_ends_it_when_it_expires() -> None:
    async with live(recheck=30) as (server, secured):
        assert secured.tokens is not None
        begun = time.time()
        async with server.open(token=secured.tokens.issue("ada", lifetime=2)) as ws:
            assert await closed(ws) == ENDED
        assert time.time() - begun < 4


@pytest.mark.parametrize("kind", ["session", "token", "user", "version"])
async def test_a_revocation_in_this_worker_ends_it_at_once(kind: str) -> None:
    async with live(recheck=30) as (server, secured):
        tokens = secured.tokens
        assert tokens is not None
        raw, other = tokens.issue("ada", session="s"), tokens.issue("bob", session="b")
        who = tokens.verify(raw)
        async with server.open(token=raw) as ws, server.open(token=other) as bobs:
            await ws.recv()
            await bobs.recv()
            begun = time.perf_counter()
            match kind:
                case "session":
                    tokens.revocations.revoke_session("s", until=who.expires_at)
                case "token":
                    tokens.revocations.revoke_token(who.token or "", until=who.expires_at)
                case "user":
                    tokens.revocations.revoke_user("ada", until=who.expires_at)
                case _:
                    tokens.revocations.require_version("ada", 7, until=who.expires_at)
            assert await closed(ws) == ENDED
            assert time.perf_counter() - begun < 1
            await bobs.send("bob stays")
            assert await bobs.recv() == "bob stays"


async def test_a_revocation_in_another_thread_ends_it_too() -> None:
    async with live(recheck=30) as (server, secured):
        tokens = secured.tokens
        assert tokens is not None
        async with server.open(token=tokens.issue("ada", session="s")) as ws:
            await ws.recv()
            await asyncio.to_thread(tokens.revocations.revoke_session, "s", until=time.time() + 900)
            assert await closed(ws) == ENDED


async def test_a_revocation_elsewhere_ends_it_with_the_next_check() -> None:
    async with live() as (server, secured):
        tokens = secured.tokens
        assert tokens is not None
        async with server.open(token=tokens.issue("ada", session="s")) as ws:
            await ws.recv()
            tokens.revocations.listeners.clear()
            tokens.revocations.revoke_session("s", until=time.time() + 900)
            assert await closed(ws, within=3) == ENDED


async def test_a_session_kept_elsewhere_is_asked_about_on_demand() -> None:
    door = Door()
    async with live(authenticators=[door], recheck=30) as (server, secured), server.open() as ws:
        await ws.recv()
        assert secured.sockets is not None
        secured.sockets.recheck("user", "bob")
        secured.sockets.recheck("session", "s")
        await until(lambda: door.asked == 2)
        await ws.send("confirmed")
        assert await ws.recv() == "confirmed"
        door.who = None
        secured.sockets.recheck("session", "s")
        assert await closed(ws) == ENDED


async def test_a_check_that_is_under_way_hears_of_what_ends_meanwhile() -> None:
    door = Door()
    async with live(authenticators=[door], recheck=30) as (server, secured), server.open() as ws:
        await ws.recv()
        assert secured.sockets is not None
        gate, before = asyncio.Event(), door.who
        door.waits = gate
        secured.sockets.recheck("user", "ada")
        await until(lambda: door.asked == 2)
        secured.sockets.recheck("user", "ada")
        await asyncio.sleep(0.05)
        assert door.asked == 2
        gate.set()
        await until(lambda: door.asked == 3)
        assert before == door.who
        await ws.send("one more check, same answer")
        assert await ws.recv()


@pytest.mark.parametrize("after", [None, Principal("ada", session="s", token="t")], ids=["ended", "goes on"])
async def test_a_client_that_closes_during_a_check_breaks_nothing(
    after: Principal | None, caplog: pytest.LogCaptureFixture
) -> None:
    door, heard, events = Door(), Heard(), Seen()
    async with live(authenticators=[door], heard=heard, security_events=events) as (server, _):
        async with server.open() as ws:
            await ws.recv()
            door.waits = gate = asyncio.Event()
            asked = door.asked
            await until(lambda: door.asked > asked)
        await until(lambda: heard.done == 1)
        door.who = after
        asked = door.asked
        gate.set()
        await asyncio.sleep(0.3)
        assert door.asked == asked, "nobody is there to be asked about"

    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert "session_expired" not in events.types
    assert "sys_crash" not in events.types


@pytest.mark.parametrize("path", ["/bare", "/push"])
async def test_a_handler_without_a_care_ends_quietly(path: str, caplog: pytest.LogCaptureFixture) -> None:
    door, events = Door(), Seen()
    async with live(authenticators=[door], security_events=events) as (server, _), server.open(path) as ws:
        await ws.recv()
        door.who = None
        assert await closed(ws, within=3) == ENDED
        await asyncio.sleep(0.1)

    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert "sys_crash" not in events.types


async def test_a_handler_that_neither_reads_nor_sends_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sockets, "_GRACE", 0.1)
    door, heard = Door(), Heard()
    async with live(authenticators=[door], heard=heard) as (server, _), server.open("/deaf") as ws:
        await ws.recv()
        door.who = None
        assert await closed(ws, within=3) == ENDED
        await until(lambda: heard.cancelled == 1)

    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_what_arrives_after_the_end_is_not_delivered() -> None:
    door, heard = Door(), Heard()
    async with live(authenticators=[door], heard=heard, recheck=30) as (server, secured), server.open() as ws:
        await ws.recv()
        assert secured.sockets is not None
        door.who = None
        secured.sockets.recheck("user", "ada")
        with contextlib.suppress(Exception):
            for _ in range(50):
                await ws.send("too late")
                await asyncio.sleep(0)
        await closed(ws)
        got = len(heard.got)
        await asyncio.sleep(0.05)

    assert len(heard.got) == got
    assert heard.ends == [ENDED]


async def test_nobody_is_not_asked_again() -> None:
    door = Door(who=None)
    async with live(authenticators=[door]) as (server, _), server.open("/maybe") as ws:
        assert await ws.recv() == "nobody"
        await asyncio.sleep(0.3)
        assert door.asked == 1


async def test_a_closed_connection_leaves_nothing_behind() -> None:
    door = Door()
    async with live(authenticators=[door]) as (server, secured):
        for _ in range(5):
            async with server.open() as ws:
                await ws.recv()
        assert secured.sockets is not None
        kept = secured.sockets
        await until(lambda: len(kept._watches) == 0)
        assert not kept._open
        asked = door.asked
        await asyncio.sleep(0.3)
        assert door.asked == asked


async def test_the_handler_keeps_its_caller_while_a_check_runs() -> None:
    door = Door()
    seen: list[Principal | None] = []
    app = FastAPI()

    @app.websocket("/ws")
    async def ws(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        for _ in range(20):
            seen.append(socket.scope["fastness"].principal)
            await asyncio.sleep(0.01)
        await socket.close()

    secure(app, Settings(environment="development", websockets=WebSocketSettings(recheck=0.02)), authenticators=[door])
    async with serving(app) as server, server.open() as client:
        door.waits = asyncio.Event()
        await closed(client)

    assert None not in seen
    assert changed(door.who or Principal(""), roles=frozenset()) == seen[0]


async def test_what_was_opened_together_is_not_checked_together_and_never_later_than_promised() -> None:
    who = exchange()
    who.principal = Principal("ada")
    parts = iter([0.0, 0.5, 1.0])
    watches = Watches(lambda _: None, 30.0, ticks=lambda: 100.0, spread=lambda: next(parts))

    made = [watches.add(who, lambda _: None) for _ in range(3)]

    assert [watch._due for watch in made] == [130.0, 122.5, 115.0]
    for watch in made:
        watch.stop()


async def test_a_revocation_during_a_check_that_meets_a_limit_is_not_forgotten() -> None:
    door = Door()
    async with live(authenticators=[door], recheck=30) as (server, secured), server.open() as ws:
        await ws.recv()
        assert secured.sockets is not None
        door.waits, door.fails = asyncio.Event(), lambda: TooManyRequests(retry_after=1)
        secured.sockets.recheck("user", "ada")
        await until(lambda: door.asked == 2)
        secured.sockets.recheck("user", "ada")
        await asyncio.sleep(0.05)
        door.waits.set()
        await until(lambda: door.asked == 3)
