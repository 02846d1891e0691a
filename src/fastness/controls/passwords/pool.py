"""The few threads that hash, and the bounded queue before them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakSet

from fastness.core.errors import Unavailable

T = TypeVar("T")

alive: WeakSet[HashPool] = WeakSet()
"""The pools of this process, for whoever shows how much waits in them."""


class HashPool:
    """Runs slow functions in its own low-priority threads, at most `threads` at once and `waiting` behind them.

    More threads than cores only slow each other down, and each holds the memory of one hash. The threads are niced:
    hashing gives up the GIL, so the kernel then prefers the event loop's thread.
    """

    def __init__(self, *, threads: int, waiting: int, niceness: int) -> None:
        self._threads, self._places, self._niceness = threads, threads + waiting, niceness
        self._lock = threading.Lock()
        self._taken = 0
        self._executor: ThreadPoolExecutor | None = None
        self._process = 0
        self._closed = False
        alive.add(self)

    @property
    def taken(self) -> int:
        """How many calls run or wait."""
        return self._taken

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`. A caller that is cancelled while it waits gives its place back.

        Raises:
            Unavailable: every place is taken, or the pool is closed.
        """
        future = self._submit(work)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            # close() cancels what waits; that is a refusal of this call, not a cancellation of the caller's task.
            if self._closed and future.cancelled() and not (task is not None and task.cancelling()):
                raise Unavailable("password pool is closed") from None
            raise

    def open(self) -> None:
        """Take calls again after `close()`."""
        with self._lock:
            self._closed = False

    def close(self) -> None:
        """End the threads: a running hash is finished, a waiting one is refused. Calling again does nothing."""
        with self._lock:
            self._closed = True
            executor, self._executor = self._executor, None
        if executor is not None and self._process == os.getpid():
            executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._closed:
                raise Unavailable("password pool is closed")
            executor = self._started()
            if self._taken >= self._places:
                raise Unavailable("password pool is full")
            self._taken += 1
            future = executor.submit(work)
        future.add_done_callback(self._release)
        return future

    def _started(self) -> ThreadPoolExecutor:
        # Threads do not survive a fork (gunicorn --preload): a child starts its own.
        if self._executor is None or self._process != os.getpid():
            self._executor = ThreadPoolExecutor(
                self._threads, thread_name_prefix="fastness-passwords", initializer=_lower, initargs=(self._niceness,)
            )
            self._process, self._taken = os.getpid(), 0
        return self._executor

    def _release(self, _: Future[T]) -> None:
        with self._lock:
            self._taken -= 1


def _lower(niceness: int) -> None:
    # On Linux niceness belongs to the thread; lowering it needs no privilege. Elsewhere it is the whole process's.
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
            os.setpriority(os.PRIO_PROCESS, thread, niceness)
