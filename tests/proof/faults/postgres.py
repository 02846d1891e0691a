"""Experiments 4 and 5: PostgreSQL stops, hangs, is slow, or has no connection left."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
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
RECOVERY = 2.0
TIMEOUT = 5.0
DELAY, TRIPS = 0.2, 40
"""A slow database is no dead one: who asks gets the answer, after so many trips at most. A sign-in that counts in the
database too was seen to be sixteen to twenty; a new connection and waiting for one come on top."""


def _settings(url: str) -> dict[str, str]:
    # One secret for all: the keys that one service leaves in the database are the next one's.
    return {**OPEN, "FASTNESS_DATABASE_URL": url, "FASTNESS_SECRET": SECRET}


async def restarts(trial: Trial) -> list[Figure]:
    """Stop it at once, let it be away, start it again."""
    with postgres_server() as server:
        async with served(trial.cell, trial.folder, **_settings(server.url)) as serving:
            callers = Callers(serving.url, trial.sized(short=4, full=50), trial.seed)
            waits, during, after, lives = list[float](), Counter[int](), Counter[int](), trial.sized(short=1, full=10)
            async with callers.asking():
                for _ in range(lives):
                    await asyncio.sleep(trial.sized(short=0.2, full=1.0))
                    await asyncio.to_thread(server.stop)
                    away = time.monotonic()
                    await _until(callers, 503)
                    await asyncio.sleep(trial.sized(short=0, full=3.0))
                    await asyncio.to_thread(server.start)
                    back = time.monotonic()
                    await asyncio.sleep(trial.sized(short=0.5, full=RECOVERY + 1))
                    waits.append(callers.good_again(back))
                    during += callers.statuses(since=away, until=back)
            over = time.monotonic()
            async with callers.asking():
                await asyncio.sleep(0.3)
            after = callers.statuses(since=over)
    return [
        at_least("restarts", len(waits), lives),
        only("answers while it was away", during, AWAY),
        only("all answers", callers.statuses(), AWAY),
        only("answers afterwards", after, GOOD),
        within("good again after", max(waits), RECOVERY),
    ]


async def hangs(trial: Trial) -> list[Figure]:
    """It hangs, then every statement takes its time, then no connection is left."""
    figures: list[Figure] = []
    with postgres_server() as server:
        if not trial.short:
            figures += await _frozen(trial, server)
            figures += await _slow(trial, server)
        figures += await _no_connection(trial, server)
    return figures


async def _frozen(trial: Trial, server: PostgresServer) -> list[Figure]:
    async with served(trial.cell, trial.folder / "frozen", **_settings(server.url)) as serving:
        callers, before = Callers(serving.url, 20, trial.seed), 0.0
        async with callers.asking():
            # Until it has hashed, connected and cached all that it does.
            while len(callers.answers) < 300:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.1)
            before, frozen = _memory(serving), time.monotonic()
            server.freeze()
            await asyncio.sleep(8)
            states = await _health(serving.url)
            await asyncio.sleep(12)
            grown = _memory(serving) - before
            server.thaw()
            back = time.monotonic()
            await asyncio.sleep(RECOVERY + 4)
        asked = [one for one in callers.answers if frozen <= one.began < back]
    return [
        only("hung 20 s: answers", Counter(one.status for one in asked), AWAY),
        within("hung: slowest answer", max(one.took for one in asked), TIMEOUT),
        Figure("hung: /health and /ready", f"{states}", "(200, 503)", states == (200, 503)),
        at_most("hung: memory grew by", grown, 16, " MiB"),
        within("hung: good again after", callers.good_again(back + 0.05), RECOVERY),
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
            async with callers.asking():
                proxy.delay, slow = DELAY, time.monotonic()
                await asyncio.sleep(15)
    return [
        only("200 ms a statement: answers", callers.statuses(since=slow), GOOD),
        within("200 ms a statement: slowest answer", callers.slowest(since=slow), TRIPS * DELAY),
    ]


async def _no_connection(trial: Trial, server: PostgresServer) -> list[Figure]:
    async with served(trial.cell, trial.folder / "limit", **_settings(server.url)) as serving:
        callers = Callers(serving.url, trial.sized(short=8, full=50), trial.seed, pause=0.01)
        callers.kinds = {"rename": 70, "refresh": 30}
        async with callers.asking():
            await asyncio.sleep(0.1)
            await asyncio.to_thread(server.limit, 1)
            none_left = time.monotonic()
            await _until(callers, 503)
            await asyncio.sleep(trial.sized(short=0.1, full=5))
            await asyncio.to_thread(server.limit, -1)
            back = time.monotonic()
            await asyncio.sleep(trial.sized(short=0.5, full=RECOVERY + 1))
        over = time.monotonic()
        async with callers.asking():
            await asyncio.sleep(0.3)
    return [
        only("no connection left: answers", callers.statuses(since=none_left, until=back), AWAY),
        only("no connection left: answers afterwards", callers.statuses(since=over), GOOD),
        within("no connection left: slowest answer", callers.slowest(since=none_left, until=back), TIMEOUT),
        within("no connection left: good again after", callers.good_again(back), RECOVERY),
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
