"""Experiment 25: four workers write to one SQLite file while somebody reads for half a minute and a backup runs."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import make_url

from cells import served
from plain_http import NO_TLS
from proof.faults.callers import OPEN, Answer, Callers, Person, person
from proof.faults.experiment import Figure, Trial, at_least, none, only, within

RATE, PEOPLE = 200, 40
"""Writes a second, and how many take turns with them."""


async def run(trial: Trial) -> list[Figure]:
    """200 writes a second for the whole time: each is sent when it is due, however long the ones before it take."""
    seconds = trial.sized(short=2, full=30)
    async with served(trial.cell, trial.folder, **OPEN) as serving:
        file = Path(str(make_url(serving.database).database))
        async with _writers(serving.url, trial.sized(short=8, full=PEOPLE)) as writers:
            writing = asyncio.create_task(_write(writers, RATE * seconds))
            broken, copies = list[str](), 0
            with contextlib.closing(sqlite3.connect(file)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM users").fetchone()
                while not writing.done():
                    copy = trial.folder / f"backup-{copies}.db"
                    broken += await asyncio.to_thread(_backed_up, file, copy)
                    copies += 1
                    await asyncio.wait([writing], timeout=trial.sized(short=0.2, full=1.0))
                reader.execute("ROLLBACK")
            began, answers = await writing
    took = sorted(one.took for one in answers)
    lasted = max(one.ended for one in answers) - began
    return [
        at_least("writes", len(answers), RATE * seconds),
        only("answers", Counter(one.status for one in answers), {200}),
        at_least("copies meanwhile", copies, 1),
        none("complaints of the copies about themselves", broken),
        within(f"{RATE} writes a second for {seconds} s: all were answered after", lasted, seconds + 1.0),
        within("99 of 100 answers, from when they were due", statistics.quantiles(took, n=100)[98], 1.0),
    ]


@dataclass
class Writer:
    """Somebody who is signed in, with a connection of their own, who asks one thing at a time."""

    callers: Callers
    who: Person
    http: httpx2.AsyncClient
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def write(self, n: int, due: float) -> Answer:
        """Every tenth time the refresh token is replaced, else the name."""
        kind = "refresh" if n // PEOPLE % 10 == 0 else "rename"
        async with self.turn:
            status, retry_after = await self.callers._one(self.http, kind, self.who, f"{n}")
        return Answer(kind, status, due, time.monotonic(), retry_after)


@contextlib.asynccontextmanager
async def _writers(url: str, number: int) -> AsyncIterator[list[Writer]]:
    callers = Callers(url, number, seed=0)
    async with contextlib.AsyncExitStack() as stack:
        yield [
            Writer(
                callers,
                await person(url, f"writer{n}@example.com"),
                await stack.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=60, verify=NO_TLS)),
            )
            for n in range(number)
        ]


async def _write(writers: list[Writer], number: int) -> tuple[float, list[Answer]]:
    began, tasks = time.monotonic(), list[asyncio.Task[Answer]]()
    for n in range(number):
        due = began + n / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(writers[n % len(writers)].write(n, due)))
    return began, [await task for task in tasks]


def _backed_up(file: Path, copy: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target, pages=16, sleep=0.001)
        found = [str(row[0]) for row in target.execute("PRAGMA integrity_check")]
    return [line for line in found if line != "ok"]
