"""Experiment 1: kill -9 in the middle of registrations, and of starts.

What was acknowledged is there, nobody is there by half, and each mailed code arrives, however often.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
from sqlalchemy import text

from cells import URL, Serving, served
from fastness.accounts.db import Database
from fastness.accounts.models import Work, default_models
from fresh_database import fresh_url
from journeys.servers import Server, free_port, running
from journeys.test_killed import codes, mailed_now, proved, registration
from proof.faults.callers import OPEN, PASSWORD
from proof.faults.experiment import Figure, Trial, at_least, none, only

WRITERS = 8
SIGNED_IN = 20
"""How many then sign in: of the acknowledged by the code of that registration, of the others by a new one. The database and
the mailbox are asked about all."""
FRESH = 300.0
"""Seconds: a code lives for ten minutes, and what follows the kills takes its time too."""
LEFT_BEHIND = 120.0
"""Seconds for mails that a killed server had begun to send: the next one waits for its forty to be over."""
START = 2.5
"""Seconds in which a server starts, about."""
_HALF = (
    "SELECT email FROM users WHERE password_hash IS NULL "
    "OR NOT EXISTS (SELECT 1 FROM fastness_codes WHERE user_id = users.id)"
)


@dataclass(frozen=True)
class Flow:
    """What an acknowledged registration goes on with, and when it was told."""

    name: str
    told: float


class Registering:
    """Eight clients that register one address after the other."""

    def __init__(self, url: str, word: str) -> None:
        self.url, self.word = url, word
        self.asked: list[str] = []
        self.acknowledged: dict[str, Flow] = {}
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

    async def acknowledges(self, server: Server) -> None:
        """Wait until one of them was registered."""
        try:
            await asyncio.wait_for(self.began.wait(), 60)
        except TimeoutError:
            raise AssertionError(f"{self.word}: {dict(self.statuses)} in a minute\n{server.err[-2000:]}") from None

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
                    self.acknowledged[address] = Flow(answer.json()["flow"], time.monotonic())
                    self.began.set()


async def run(trial: Trial) -> list[Figure]:
    """Kill the whole server, or with several workers one of them and every fifth time all; and while it starts."""
    chance, kills = random.Random(trial.seed), trial.sized(short=2, full=trial.kills)
    starts = trial.sized(short=1, full=kills // 5)
    outbox = trial.folder / "outbox"
    settings = {**OPEN, "FASTNESS_MAIL__BACKEND": "file", "FASTNESS_MAIL__FOLDER": str(outbox)}
    settings["FASTNESS_ACCOUNTS__UNSAFE_ALLOW_UNVERIFIED"] = "false"
    asked, acknowledged, statuses, killed, interrupted = list[str](), dict[str, Flow](), Counter[int](), 0, 0
    async with served(trial.cell, trial.folder, **settings) as serving:
        serving.server.process.terminate()  # only its stores are wanted: each life of the server is begun below
        serving.server.process.wait(30)
        unborn = await _never_began(trial, serving, chance, trial.sized(short=1, full=10))
        while killed < kills:
            if interrupted * kills < starts * (killed + 1):
                interrupted += 1
                _interrupt(serving, trial.folder / f"start-{interrupted}", chance.uniform(0, START))
            with _living(serving, trial.folder / f"life-{killed}") as (server, url):
                while killed < kills:
                    killed += 1
                    registering = Registering(url, f"kill{killed}")
                    async with registering.going_on():
                        await registering.acknowledges(server)
                        await asyncio.sleep(chance.uniform(0, 0.3))
                        whole = trial.cell.workers == 1 or killed % 5 == 0
                        _kill(server, chance, whole=whole)
                        await asyncio.sleep(0.05)
                    asked += registering.asked
                    acknowledged |= registering.acknowledged
                    statuses += registering.statuses
                    if whole:
                        break
        database = Database(serving.database, default_models())
        stored, half = await _rows(database, "SELECT email FROM users"), await _rows(database, _HALF)
        broken = await _rows(database, "PRAGMA integrity_check") if trial.cell.database == "sqlite" else ["ok"]
        waiting = await _rows(database, "SELECT id FROM fastness_outbox")
        await database.close()
        unsure = [address for address in asked if address not in acknowledged][:SIGNED_IN]
        fresh = [address for address, flow in acknowledged.items() if time.monotonic() - flow.told < FRESH]
        some = chance.sample(fresh, min(SIGNED_IN, len(fresh)))
        with _living(serving, trial.folder / "after") as (_, url):
            unsent = await _unsent(outbox, acknowledged)
            mailed = codes(outbox)
            no_use = [address for address in some if not await _proves(url, acknowledged[address], address, mailed)]
        # A folder of its own: the other holds a mail for every registration.
        serving.environment["FASTNESS_MAIL__FOLDER"] = str(outbox := trial.folder / "outbox-after")
        again = chance.sample([*acknowledged], min(SIGNED_IN // 2, len(acknowledged))) + unsure
        again = [address for address in again if address not in some]
        with _living(serving, trial.folder / "again") as (_, url):
            shut_out = [address for address in again if not await _signs_in(url, outbox, address)]
    return [
        at_least("kills", killed, kills),
        at_least("kills of a server that starts", interrupted, starts),
        at_least("registrations acknowledged", len(acknowledged), kills),
        only("answers", statuses, {202}),
        none("new databases that a killed first start spoilt", unborn),
        none("acknowledged accounts lost", set(acknowledged) - set(stored)),
        none("half accounts", half),
        Figure("codes that waited in the outbox after the last kill", str(len(waiting)), "any", good=True),
        none("mailed codes lost", unsent),
        at_least("acknowledged who proved their address by that code", len(some) - len(no_use), len(some)),
        none("addresses that can no longer register and sign in", shut_out),
        none("complaints of the database about itself", [line for line in broken if line != "ok"]),
    ]


async def _never_began(trial: Trial, serving: Serving, chance: random.Random, times: int) -> list[str]:
    """Kill the first start on a new database so often; what the last one, which lives, answers to a registration."""
    async with fresh_url(trial.cell.database, trial.folder) as url:
        environment = {**serving.environment, "FASTNESS_DATABASE_URL": url}
        first = replace(serving, environment=environment)
        for n in range(times):
            _interrupt(first, trial.folder / f"first-{n}", chance.uniform(0, START))
        with _living(first, trial.folder / "first") as (_, at):
            async with httpx2.AsyncClient(base_url=at, timeout=60) as http:
                answer = await http.post("/auth/register", json=registration("first@example.com"))
    return [] if answer.status_code == 202 else [answer.text]


def _interrupt(serving: Serving, folder: Path, after: float) -> None:
    with running(_command(serving), folder, environment=serving.environment) as server:
        time.sleep(after)
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(30)


def _command(serving: Serving) -> list[str]:
    return ["fastness", "serve", "--port", str(free_port()), "--workers", str(serving.cell.workers)]


@contextlib.contextmanager
def _living(serving: Serving, folder: Path) -> Iterator[tuple[Server, str]]:
    with running(_command(serving), folder, environment=serving.environment) as server:
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


async def _unsent(outbox: Path, acknowledged: Iterable[str]) -> set[str]:
    """Whose code did not arrive, though the server that lives now had the time for what the killed ones left."""
    deadline = time.monotonic() + LEFT_BEHIND
    while (missing := set(acknowledged) - set(codes(outbox))) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process sends
        await asyncio.sleep(1)
    return missing


async def _proves(url: str, flow: Flow, address: str, mailed: dict[str, list[str]]) -> bool:
    """Go on as if the server had never been killed: enter the code, sign in."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        if await proved(http, flow.name, mailed.get(address, [])) != 200:
            return False
        login = await http.post("/auth/login", json={"email": address, "password": PASSWORD})
        return login.status_code == 200


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
