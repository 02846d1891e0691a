"""What the application does when something happened to an account: after the commit, outside the request.

A hook changes no answer: not its status, and not its time, by which a stranger could tell a new address from a taken
one. One that fails is logged by its name and the kind of error, and the others run.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from fastness.core.events import Event, EventType

UserT = TypeVar("UserT")
When = Callable[[Event], bool]
_log = logging.getLogger("fastness.accounts")
_TOGETHER = 10
_MOST = 1000
"""Hooks that may wait; beyond, an event finds no hook, and the log says so."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One callable and the events it wants: with the user, with the user's id, or with the event itself."""

    call: Callable[[Any], Any]
    type: EventType
    when: When
    wants: str


class Hooks(Generic[UserT]):
    """A sink of events that calls hooks. `load` finds a user by id."""

    def __init__(self, load: Callable[[str], Awaitable[UserT | None]]) -> None:
        self._load = load
        self.grace = 5.0
        self._hooks: list[Hook] = []
        self._running: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(_TOGETHER)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    def add(self, call: Callable[[Any], Any], kind: EventType, *, when: When = lambda _: True, wants: str) -> None:
        """Call `call` for events of this kind. `wants` is "user", "id" or "event"."""
        self._hooks.append(Hook(call, kind, when, wants))

    def __call__(self, event: Event) -> None:
        """Begin the hooks of an event, and return at once. Events of other threads are the server's loop's too."""
        wanted = [hook for hook in self._hooks if hook.type is event.type and hook.when(event)]
        if not wanted or self._loop is None:
            return
        if threading.get_ident() == self._thread:
            self._begin(wanted, event)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody serves any more
                self._loop.call_soon_threadsafe(self._begin, wanted, event)

    async def start(self) -> None:
        """Call hooks in the running event loop from now on."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    def _begin(self, wanted: list[Hook], event: Event) -> None:
        for hook in wanted:
            if len(self._running) >= _MOST:
                _log.error("the hook %s was not called: %d others wait", _name(hook), _MOST)
                continue
            task = asyncio.get_running_loop().create_task(self._run(hook, event), name=f"fastness {_name(hook)}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def settled(self) -> None:
        """Wait until every hook that was begun has ended."""
        while self._running:
            await asyncio.wait(self._running)

    async def stop(self) -> None:
        """Let hooks end, for at most `grace` seconds, and begin no more."""
        self._loop = None
        if self._running:
            await asyncio.wait(self._running, timeout=self.grace)
        for task in [*self._running]:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._turn = asyncio.Semaphore(_TOGETHER)  # the next life of the server may have another event loop

    async def _run(self, hook: Hook, event: Event) -> None:
        try:
            async with self._turn:
                given = await self._given(hook, event)
                if given is None:
                    return
                if inspect.iscoroutinefunction(hook.call):
                    await hook.call(given)
                    return
                outcome = await run_in_threadpool(hook.call, given)
                if inspect.isawaitable(outcome):
                    await outcome
        except Exception as error:  # noqa: BLE001 - a hook is the application's own and may fail in any way
            # The kind only: the text of an error can hold an address.
            _log.error("the hook %s failed: %s", _name(hook), type(error).__name__)

    async def _given(self, hook: Hook, event: Event) -> Any:
        match hook.wants:
            case "event":
                return event
            case "id":
                return event.who
            case _:
                return None if event.who is None else await self._load(event.who)


def _name(hook: Hook) -> str:
    return getattr(hook.call, "__qualname__", type(hook.call).__name__)
