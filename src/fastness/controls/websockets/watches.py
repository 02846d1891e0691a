"""Whoever stays connected is asked again: every half minute, when the token expires, and when something was revoked."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import math
import random
from collections.abc import Awaitable, Callable
from typing import Literal

from fastness.controls.websockets.refusals import Idle, SessionEnded
from fastness.core.clock import Clock, steady, wall
from fastness.core.errors import Refused, TooManyRequests, Unavailable
from fastness.core.events import Event, EventType, Sink, silent
from fastness.core.exchange import Exchange, current
from fastness.core.principal import Principal

Kind = Literal["session", "token", "user"]
Ask = Callable[[Exchange], Awaitable[None] | None]
"""Authenticates an exchange, as the element in front did."""

_TIMEOUT = 10.0
"""Seconds for the store of an authenticator to answer; a check that cannot be made ends the connection."""
_BROKEN = 500
_MOST_BUSY = 3
"""Checks in a row that may end with "too many requests": the credential is good, and its limit is used up."""


class Watch:
    """One open connection or event stream of one caller. Nothing runs between its checks but a timer."""

    def __init__(
        self,
        watches: Watches,
        exchange: Exchange,
        end: Callable[[Refused], None],
        *,
        idle: float = math.inf,
        moved: Callable[[], float] | None = None,
    ) -> None:
        self._all, self._exchange, self._end = watches, exchange, end
        self._idle, self._moved = idle, moved
        self.principal = exchange.principal
        self.loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._checking: asyncio.Task[None] | None = None
        self._stopped = self._once_more = False
        self._busy = 0
        # The first one comes earlier, so that what was opened together, after a restart, is not checked together.
        self._plan_check(part=1 - watches.spread() / 2)
        self._sleep()

    def check(self) -> None:
        """Ask the authenticators again who sent the credentials of the handshake, and end on any other answer."""
        if self._stopped or self.principal is None or self._all.ask is None:
            return
        if self._checking is not None:
            self._once_more = True
            return
        # A copy: a handler that reads the caller meanwhile must not find nobody.
        again = copy.copy(self._exchange)
        again.principal = again.failure = None
        try:
            waiting = self._all.ask(again)
        except Exception as error:  # noqa: BLE001 - what cannot be checked does not stay open
            self._over(error)
            return
        if waiting is not None:
            self._checking = self.loop.create_task(self._finish(again, waiting))
            return
        self._judge(again)

    async def settled(self) -> None:
        """Wait for a check that goes on."""
        while self._checking is not None:
            await asyncio.wait([self._checking])

    def stop(self) -> None:
        """It is over: ask nothing any more."""
        self._stopped = True
        self._all.forget(self)
        if self._timer is not None:
            self._timer.cancel()

    async def _finish(self, again: Exchange, waiting: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                await waiting
        except Exception as error:  # noqa: BLE001 - as above
            self._over(error)
        else:
            self._judge(again)
        finally:
            self._checking = None
        if self._once_more:
            self._once_more = False
            self.check()

    def _judge(self, again: Exchange) -> None:
        before, now = self.principal, again.principal
        if before is None or self._stopped:
            return
        if now is None or again.failure is not None:
            self._over(again.failure or SessionEnded("nobody is signed in any more"))
        elif (now.id, now.session) != (before.id, before.session):
            self._over(SessionEnded("the credential speaks for somebody else"))
        elif (now.roles, now.permissions) != (before.roles, before.permissions):
            # What the route requires was asked at the start only.
            self._over(SessionEnded("roles or permissions changed"))
        elif now.expires_at <= self._all.now():
            self._over(SessionEnded("expired"))
        else:
            self._busy = 0
            self._plan_check(now)
            self._sleep()

    def _over(self, error: Exception) -> None:
        if self._stopped:
            return
        if isinstance(error, TooManyRequests):
            self._busy += 1
            if self._busy < _MOST_BUSY:
                self._plan_check()
                self._sleep()
                return
            error = Unavailable("too many requests for a check")
        self.stop()
        if not isinstance(error, Refused):
            error = Unavailable(f"not checked: {type(error).__name__}")
        reason = error.reason or error.code
        token = current.set(self._exchange.scope)
        try:
            if error.status < _BROKEN:
                who = self.principal.id if self.principal is not None else None
                details = {"kind": "websocket" if self._exchange.socket is not None else "stream"}
                self._all.emit(Event(EventType.SESSION_EXPIRED, who=who, reason=reason, details=details))
                error = SessionEnded(reason)
            self._end(error)
        finally:
            current.reset(token)

    def _plan_check(self, who: Principal | None = None, *, part: float = 1.0) -> None:
        who = who or self.principal
        self._due = math.inf
        if who is not None and self._all.ask is not None:
            left = max(who.expires_at - self._all.now(), 0.0)
            self._due = self._all.ticks() + min(self._all.every * part, left)

    def _sleep(self) -> None:
        quiet = self._moved() + self._idle if self._moved is not None else math.inf
        wake = min(self._due, quiet)
        if self._timer is not None:
            self._timer.cancel()
        if wake < math.inf and not self._stopped:
            self._timer = self.loop.call_later(max(wake - self._all.ticks(), 0.0), self._tick)

    def _tick(self) -> None:
        now = self._all.ticks()
        if self._moved is not None and now >= self._moved() + self._idle:
            self.stop()
            self._end(Idle())
        elif now >= self._due:
            self.check()
        else:
            self._sleep()


class Watches:
    """Everything that is open in this worker and belongs to a caller.

    Args:
        ask: what authenticates; None when nobody does.
        every: seconds between two checks.
        spread: a number from 0 to 1, another one for each connection.
    """

    def __init__(
        self,
        ask: Ask | None,
        every: float,
        *,
        emit: Sink = silent,
        now: Clock = wall,
        ticks: Clock = steady,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self.ask, self.every, self.emit, self.now, self.ticks, self.spread = ask, every, emit, now, ticks, spread
        self._named: dict[tuple[Kind, str], dict[int, Watch]] = {}

    def add(
        self,
        exchange: Exchange,
        end: Callable[[Refused], None],
        *,
        idle: float = math.inf,
        moved: Callable[[], float] | None = None,
    ) -> Watch:
        """Watch a connection; `end` closes it without waiting. `idle` seconds after `moved` said so it ends too."""
        watch = Watch(self, exchange, end, idle=idle, moved=moved)
        for name in _names(watch.principal):
            self._named.setdefault(name, {})[id(watch)] = watch
        return watch

    def forget(self, watch: Watch) -> None:
        """It is over."""
        for name in _names(watch.principal):
            others = self._named.get(name, {})
            others.pop(id(watch), None)
            if not others:
                self._named.pop(name, None)

    def recheck(self, kind: Kind, name: str) -> None:
        """Check at once whatever belongs to this session, token or user. May be called from any thread."""
        for watch in tuple(self._named.get((kind, name), {}).values()):
            with contextlib.suppress(RuntimeError):  # that loop is closed, and its connections with it
                watch.loop.call_soon_threadsafe(watch.check)

    def __len__(self) -> int:
        return len({watch for named in self._named.values() for watch in named})


def _names(who: Principal | None) -> list[tuple[Kind, str]]:
    if who is None:
        return []
    names: list[tuple[Kind, str]] = [("user", who.id)]
    if who.session is not None:
        names.append(("session", who.session))
    if who.token is not None:
        names.append(("token", who.token))
    return names
