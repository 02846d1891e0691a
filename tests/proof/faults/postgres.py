"""Experiments 4 and 5: PostgreSQL stops, hangs, is slow, or has no connection left."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
from sqlalchemy import make_url

from accounts.serving import SECRET
from cells import URL, Serving, served
from journeys.servers import free_port, running
from postgres_server import PostgresServer, postgres_server
from proof.faults.callers import OPEN, Callers
from proof.faults.experiment import Figure, Trial, at_least, at_most, only, within
from proxy import proxied

AWAY = {200, 202, 503}
GOOD = {200, 202}
TIMES = 3
HANGING = 20.0
HASHED = {"login", "register"}
"""Their hashes wait for each other, and on a busy machine for everybody else."""
RECOVERY = 2.0
TIMEOUT = 5.0
DELAY, TRIPS = 0.2, 40
"""A slow database is no dead one: who asks gets the answer, after so many trips at most. A sign-in that counts in the
database too was seen to be sixteen to twenty; a new connection and waiting for one come on top."""


def _settings(url: str) -> dict[str, str]:
    # One secret for all: the keys that one service leaves in the database are the next one's.
    return {**OPEN, "FASTNESS_DATABASE_URL": url, "FASTNESS_SECRET": SECRET}


@dataclass(frozen=True)
class Fault:
    """When it began, when it was over, and how long after that it was waited for that all is good again."""

    began: float
    over: float
    until: float = 0.0


async def restarts(trial: Trial) -> list[Figure]:
    """Stop it at once, let it be away, start it again."""
    with postgres_server() as server:
        async with served(trial.cell, trial.folder, **_settings(server.url)) as serving:
            callers = Callers(serving.url, trial.sized(short=4, full=50), trial.seed)

            async def once() -> Fault:
                await asyncio.to_thread(server.stop)
                away = time.monotonic()
                await _until(callers, 503)
                await asyncio.sleep(trial.sized(short=0, full=3.0))
                await asyncio.to_thread(server.start)
                return Fault(away, time.monotonic())

            faults = await _again_and_again(trial, callers, once, times=trial.sized(short=1, full=10))
    return [
        at_least("restarts", len(faults), trial.sized(short=1, full=10)),
        *_told("away", callers, faults),
        only("all answers", callers.statuses(), AWAY),
    ]


async def hangs(trial: Trial) -> list[Figure]:
    """It hangs, then every statement takes its time, then no connection is left: each three times."""
    figures: list[Figure] = []
    with postgres_server() as server:
        if not trial.short:
            figures += await _frozen(trial, server)
            figures += await _slow(trial, server)
        figures += await _no_connection(trial, server)
    return figures


async def _frozen(trial: Trial, server: PostgresServer) -> list[Figure]:
    states, grown = list[tuple[int, int]](), list[float]()
    async with served(trial.cell, trial.folder / "frozen", **_settings(server.url)) as serving:
        callers = Callers(serving.url, 20, trial.seed)

        async def once() -> Fault:
            seen = len(callers.answers)
            # Until it has hashed, connected and cached all that it does.
            while len(callers.answers) < seen + 300:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.1)
            before, frozen = _memory(serving), time.monotonic()
            server.freeze()
            await asyncio.sleep(8)
            states.append(await _health(serving.url))
            await asyncio.sleep(12)
            grown.append(_memory(serving) - before)
            server.thaw()
            await asyncio.sleep(0.05)  # the last second's answers are on their way
            return Fault(frozen, time.monotonic())

        faults = await _again_and_again(trial, callers, once, times=TIMES)
    return [
        *_told("hung 20 s", callers, faults),
        Figure("hung: /health and /ready", f"{states}", "(200, 503) each time", set(states) == {(200, 503)}),
        at_most("hung: memory grew by", max(grown), 16, " MiB"),
    ]


async def _slow(trial: Trial, server: PostgresServer) -> list[Figure]:
    async with proxied(server.port) as proxy:
        through = make_url(server.url).set(port=proxy.port).render_as_string(hide_password=False)
        counted = {"FASTNESS_ENVIRONMENT": "development", "FASTNESS_ACCOUNTS__COUNTERS": "database"}
        environment = {**counted, **_settings(through)}
        command = ["fastness", "serve", "--port", str(free_port()), "--workers", str(trial.cell.workers)]
        with running(command, trial.folder / "slow", environment=environment) as process:
            # In a thread: the proxy works in this event loop.
            url = await asyncio.to_thread(process.answers, URL)
            callers = Callers(url, 20, trial.seed, pause=0.5)

            async def once() -> Fault:
                proxy.delay, slow = DELAY, time.monotonic()
                await asyncio.sleep(15)
                proxy.delay = 0.0
                return Fault(slow, time.monotonic())

            faults = await _again_and_again(trial, callers, once, times=TIMES)
    asked = [one for fault in faults for one in callers.met(fault.began, fault.over)]
    return [
        only("200 ms a statement: answers", Counter(one.counted for one in asked), GOOD),
        within("200 ms a statement: slowest answer", max(one.took for one in asked), TRIPS * DELAY),
    ]


async def _no_connection(trial: Trial, server: PostgresServer) -> list[Figure]:
    async with served(trial.cell, trial.folder / "limit", **_settings(server.url)) as serving:
        callers = Callers(serving.url, trial.sized(short=8, full=50), trial.seed, pause=0.01)
        callers.kinds = {"rename": 70, "refresh": 30}

        async def once() -> Fault:
            await asyncio.to_thread(server.limit, 1)
            none_left = time.monotonic()
            await _until(callers, 503)
            await asyncio.sleep(trial.sized(short=0.1, full=5))
            await asyncio.to_thread(server.limit, -1)
            return Fault(none_left, time.monotonic())

        faults = await _again_and_again(trial, callers, once, times=trial.sized(short=1, full=TIMES))
    return _told("no connection left", callers, faults)


async def _again_and_again(
    trial: Trial, callers: Callers, once: Callable[[], Awaitable[Fault]], *, times: int
) -> list[Fault]:
    """The fault, so often, while everybody asks; then everybody asks once more without one."""
    faults = list[Fault]()
    async with callers.asking():
        for _ in range(times):
            await asyncio.sleep(trial.sized(short=0.2, full=1.0))
            fault = await once()
            await asyncio.sleep(trial.sized(short=0.5, full=RECOVERY + 1))
            faults.append(replace(fault, until=time.monotonic()))
            # The next fault is not to answer what the last one left hanging.
            await callers.answered(faults[-1].until, patience=HANGING)
    async with callers.asking():
        await asyncio.sleep(0.3)
    return faults


def _told(what: str, callers: Callers, faults: list[Fault]) -> list[Figure]:
    """What was asked while it lasted or on its way when it began, and after how long all was good again."""
    asked = [one for fault in faults for one in callers.met(fault.began, fault.over)]
    # What somebody waited before the fault is not its doing.
    took = [
        (one.kind, one.ended - max(one.began, fault.began))
        for fault in faults
        for one in callers.met(fault.began, fault.until)
    ]
    waits = [callers.good_again(fault.over, fault.until) for fault in faults]
    afterwards = callers.statuses(since=faults[-1].until)
    for fault in faults:
        afterwards += callers.statuses(since=fault.over + RECOVERY, until=fault.until)
    return [
        only(f"{what}: answers", Counter(one.counted for one in asked), AWAY),
        only(f"{what}: answers afterwards", afterwards, GOOD),
        within(f"{what}: slowest answer", max(wait for _, wait in took), TIMEOUT),
        within(
            f"{what}: slowest without a hash",
            max((wait for kind, wait in took if kind not in HASHED), default=0.0),
            TIMEOUT,
        ),
        within(f"{what}: good again after", max(waits), RECOVERY),
    ]


async def _until(callers: Callers, status: int) -> None:
    """Wait until somebody got this answer."""
    seen = len(callers.answers)
    async with asyncio.timeout(30):
        while all(one.status != status for one in callers.answers[seen:]):  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)


async def _health(url: str) -> tuple[int, int]:
    async with httpx2.AsyncClient(base_url=url, timeout=30) as http:
        live, ready = await asyncio.gather(http.get("/health"), http.get("/ready"))
        return live.status_code, ready.status_code


def _memory(serving: Serving) -> float:
    """MiB resident in all workers."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in serving.workers())
    return pages * 4096 / 2**20
