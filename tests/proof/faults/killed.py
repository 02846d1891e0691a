"""Experiment 1: kill -9 in the middle of registrations. What was acknowledged is there, and nobody is there by half."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
from sqlalchemy import text

from cells import URL, Serving, served
from fastness.accounts.db import Database
from fastness.accounts.models import Work, default_models
from journeys.servers import Server, free_port, running
from journeys.test_killed import mailed_now, proved, registration
from proof.faults.callers import OPEN, PASSWORD
from proof.faults.experiment import Figure, Trial, at_least, none, only

WRITERS = 8
SIGNED_IN = 20
"""How many of the acknowledged then sign in by the code that was mailed; the database is asked about all."""
_HALF = (
    "SELECT email FROM users WHERE password_hash IS NULL "
    "OR NOT EXISTS (SELECT 1 FROM fastness_codes WHERE user_id = users.id)"
)


class Registering:
    """Eight clients that register one address after the other."""

    def __init__(self, url: str, word: str) -> None:
        self.url, self.word = url, word
        self.asked: list[str] = []
        self.acknowledged: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.began = asyncio.Event()
        self._over = False

    @contextlib.asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for writer in range(WRITERS):
                group.create_task(self._writes(writer))
            try:
                yield
            finally:
                self._over = True

    async def _writes(self, writer: int) -> None:
        async with httpx2.AsyncClient(base_url=self.url, timeout=30) as http:
            for n in range(10_000):
                if self._over:
                    return
                address = f"{self.word}-{writer}-{n}@example.com"
                self.asked.append(address)
                try:
                    answer = await http.post("/auth/register", json=registration(address))
                except httpx2.TransportError:
                    await asyncio.sleep(0.02)  # nobody answers until another worker or server is there
                    continue
                self.statuses[answer.status_code] += 1
                if answer.status_code == 202:
                    self.acknowledged.append(address)
                    self.began.set()


async def run(trial: Trial) -> list[Figure]:
    """Kill the whole server, or with several workers one of them and every fifth time all."""
    chance, kills = random.Random(trial.seed), trial.sized(short=2, full=trial.kills)
    outbox = trial.folder / "outbox"
    settings = {**OPEN, "FASTNESS_MAIL__BACKEND": "file", "FASTNESS_MAIL__FOLDER": str(outbox)}
    settings["FASTNESS_ACCOUNTS__UNSAFE_ALLOW_UNVERIFIED"] = "false"
    asked, acknowledged, statuses, killed = list[str](), list[str](), Counter[int](), 0
    async with served(trial.cell, trial.folder, **settings) as serving:
        serving.server.process.terminate()  # only its stores are wanted: each life of the server is begun below
        while killed < kills:
            with _living(serving, trial.folder / f"life-{killed}") as (server, url):
                while killed < kills:
                    killed += 1
                    registering = Registering(url, f"kill{killed}")
                    async with registering.going_on():
                        await asyncio.wait_for(registering.began.wait(), 60)
                        await asyncio.sleep(chance.uniform(0, 0.3))
                        whole = trial.cell.workers == 1 or killed % 5 == 0
                        _kill(server, chance, whole=whole)
                        await asyncio.sleep(0.05)
                    asked += registering.asked
                    acknowledged += registering.acknowledged
                    statuses += registering.statuses
                    if whole:
                        break
        database = Database(serving.database, default_models())
        stored, half = await _rows(database, "SELECT email FROM users"), await _rows(database, _HALF)
        broken = await _rows(database, "PRAGMA integrity_check") if trial.cell.database == "sqlite" else ["ok"]
        await database.close()
        unsure = [address for address in asked if address not in set(acknowledged)]
        some = chance.sample(acknowledged, min(SIGNED_IN, len(acknowledged))) + unsure[:SIGNED_IN]
        # A folder of its own: the other holds a mail for every registration.
        outbox = trial.folder / "outbox-after"
        serving.environment["FASTNESS_MAIL__FOLDER"] = str(outbox)
        with _living(serving, trial.folder / "after") as (_, url):
            shut_out = [address for address in some if not await _signs_in(url, outbox, address)]
    return [
        at_least("kills", killed, kills),
        at_least("registrations acknowledged", len(acknowledged), kills),
        only("answers", statuses, {202}),
        none("acknowledged accounts lost", set(acknowledged) - set(stored)),
        none("half accounts", half),
        none("addresses that can no longer register and sign in", shut_out),
        none("complaints of the database about itself", [line for line in broken if line != "ok"]),
    ]


@contextlib.contextmanager
def _living(serving: Serving, folder: Path) -> Iterator[tuple[Server, str]]:
    command = ["fastness", "serve", "--port", str(free_port()), "--workers", str(serving.cell.workers)]
    with running(command, folder, environment=serving.environment) as server:
        yield server, server.answers(URL)


def _kill(server: Server, chance: random.Random, *, whole: bool) -> None:
    parent = server.process.pid
    if whole:
        os.killpg(parent, signal.SIGKILL)
        return
    children = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    if workers:
        os.kill(chance.choice(workers), signal.SIGKILL)


async def _rows(database: Database[Work], statement: str) -> list[str]:
    async with database.transaction() as connection:
        return [str(row[0]) for row in (await connection.execute(text(statement))).all()]


async def _signs_in(url: str, outbox: Path, address: str) -> bool:
    """Register again, which anybody may, and go on as its owner: whatever the kill left, the address is nobody else's."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        again = await http.post("/auth/register", json=registration(address))
        if (
            again.status_code != 202
            or await proved(http, again.json()["flow"], await mailed_now(outbox, address)) != 200
        ):
            return False
        login = await http.post("/auth/login", json={"email": address, "password": PASSWORD})
        return login.status_code == 200
