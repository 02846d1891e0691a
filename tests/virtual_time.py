"""An event loop whose clock jumps to the next timer when nothing is left to do: time-outs are exact, and nobody waits."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Never waits: the time that it was told to wait has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("nothing would ever happen again")
        self.now += max(timeout, 0.0)
        return super().select(0)


def run(main: Callable[[Callable[[], float]], Coroutine[Any, Any, T]]) -> T:
    """Run `main(now)` on such a loop; `now` is its clock, in seconds from 0."""
    selector = _Jumping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop.time))


def busy(seconds: float) -> None:
    """Let time pass in which the running loop does nothing else, as when its process must wait for a processor."""
    selector = getattr(asyncio.get_running_loop(), "_selector")  # noqa: B009 - no attribute that types know
    assert isinstance(selector, _Jumping)
    selector.now += seconds
