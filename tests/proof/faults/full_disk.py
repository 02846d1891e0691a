"""Experiment 26: nothing more can be written, or no file opened. Reads go on, writes wait, and all is well again after."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import resource
import secrets
import sqlite3
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import make_url

from cells import Serving, served
from fastness.controls.secrets import generate
from plain_http import NO_TLS
from proof.faults.callers import OPEN, PASSWORD, Person, counted, person
from proof.faults.experiment import Figure, Trial, at_least, at_most, none, only

READS, WRITES, GOOD = {200}, {503}, {200}
BESIDE = 4
"""People who write all the time, from before a fault until after it."""


async def run(trial: Trial) -> list[Figure]:
    """The kernel refuses the server's writes, then its new files; in the long form a real small disk fills too."""
    async with served(trial.cell, trial.folder, **OPEN) as serving:
        figures = await _endures("no byte can be written", serving, lambda: _bounded(serving, resource.RLIMIT_FSIZE, 0))
        figures += await _no_descriptor(serving)
        figures += _torn(_file(serving))
    if not trial.short:
        with _small_disk(trial.folder) as disk:
            place = {**OPEN, "FASTNESS_DATABASE_URL": f"sqlite:///{disk}/accounts.db", "FASTNESS_SECRET": generate()}
            async with served(trial.cell, trial.folder / "small", **place) as serving:
                figures += await _endures("the disk is full", serving, lambda: _filled(disk))
                figures += await _read_only(disk, serving, everybody := await _people(serving))
            _mount_again(disk)
            figures += _torn(disk / "accounts.db")
            async with served(trial.cell, trial.folder / "again", **place) as serving:
                figures += await _well_again("the disk was read-only and is mounted again", serving, everybody)
        with _small_disk(trial.folder / "logs") as disk:
            # The folder that it writes its two outputs to; its database is elsewhere.
            place = {
                **OPEN,
                "FASTNESS_DATABASE_URL": f"sqlite:///{trial.folder}/beside.db",
                "FASTNESS_SECURITY_EVENTS__PER_MINUTE": "1000000",  # every line is wanted
            }
            async with served(trial.cell, disk, **place) as serving:
                figures += await _log_full(disk, serving)
    return figures


async def _endures(
    what: str, serving: Serving, fault: Callable[[], contextlib.AbstractContextManager[None]]
) -> list[Figure]:
    who = await person(serving.url, f"{secrets.token_hex(4)}@example.com")
    everybody = await _people(serving)
    async with _client(serving, who) as http, _writing(serving.url, everybody):
        with fault():
            figures = await _reads_go_on(what, http)
        after = Counter([_counted(await _write(http, n)) for n in range(20)])
        await asyncio.sleep(0.2)
    figures += [only(f"{what}: writes afterwards", after, GOOD)]
    return [*figures, *await _as_answered(what, serving, everybody)]


async def _well_again(what: str, serving: Serving, everybody: list[Writing]) -> list[Figure]:
    """The same people, on a server that was started anew."""
    figures = await _as_answered(what, serving, everybody)
    who = everybody[0].who
    async with _client(serving, who) as http:
        after = Counter([_counted(await _write(http, n)) for n in range(20)])
    return [*figures, only(f"{what}: writes afterwards", after, GOOD)]


@dataclass
class Writing:
    """Somebody who writes one thing after the other, and what was answered to that."""

    who: Person
    name: str = "Ada"
    """The last that was acknowledged."""
    statuses: Counter[int] = field(default_factory=Counter)
    new: dict[str, int] = field(default_factory=dict)
    """Addresses that were registered, and the answer to each."""

    async def goes_on(self, url: str, over: asyncio.Event) -> None:
        async with httpx2.AsyncClient(base_url=url, timeout=60, headers=self.who.headers, verify=NO_TLS) as http:
            while not over.is_set():
                name, email = f"Ada {secrets.token_hex(30)}", f"{secrets.token_hex(8)}@example.com"
                renamed = _counted(await http.patch("/profile", json={"name": name}))
                self.name = name if renamed == 200 else self.name
                given = {"email": email, "password": PASSWORD, "name": "Ada"}
                self.new[email] = _counted(await http.post("/auth/register", json=given))
                self.statuses.update([renamed, self.new[email]])
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def _writing(url: str, everybody: list[Writing]) -> AsyncIterator[None]:
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for one in everybody:
            group.create_task(one.goes_on(url, over))
        try:
            await asyncio.sleep(0.3)
            yield
        finally:
            over.set()


async def _people(serving: Serving) -> list[Writing]:
    return [Writing(await person(serving.url, f"{secrets.token_hex(4)}@example.com")) for _ in range(BESIDE)]


async def _as_answered(what: str, serving: Serving, everybody: list[Writing]) -> list[Figure]:
    """Whatever was acknowledged is there, and of what was refused nothing is."""
    other = list[str]()
    for one in everybody:
        async with _client(serving, one.who) as http:
            name = (await http.get("/profile")).json()["name"]
            other += [] if name == one.name else [f"{name}, not {one.name}"]
    with contextlib.closing(sqlite3.connect(_file(serving))) as connection:
        stored = {str(row[0]) for row in connection.execute("SELECT email FROM users")}
    statuses = sum((one.statuses for one in everybody), Counter[int]())
    new = [pair for one in everybody for pair in one.new.items()]
    lost = [email for email, status in new if status == 202 and email not in stored]
    half = [email for email, status in new if status == 503 and email in stored]
    return [
        only(f"{what}: who writes all the time", statuses, {200, 202, 503}),
        at_least(f"{what}: of them acknowledged", statuses[200] + statuses[202], BESIDE),
        at_least(f"{what}: of them refused", statuses[503], BESIDE),
        none(f"{what}: names that are not the last that was acknowledged", other),
        none(f"{what}: acknowledged accounts that are lost", lost),
        none(f"{what}: refused accounts that are there", half),
    ]


async def _log_full(disk: Path, serving: Serving) -> list[Figure]:
    """What it writes to its terminal goes nowhere; the database is well, and so is everything that is asked."""
    who = await person(serving.url, f"{secrets.token_hex(4)}@example.com")
    wrong = {"email": who.email, "password": "not the right one"}
    async with _client(serving, who) as http:
        with _filled(disk):
            before = len(serving.server.err)
            reads = Counter([_counted(await http.get("/profile")) for _ in range(20)])
            writes = Counter([_counted(await _write(http, n)) for n in range(20)])
            # Each of them is an event; a page of the file may have had room for the first.
            refused = Counter([_counted(await http.post("/auth/login", json=wrong)) for _ in range(60)])
            unwritten = len(serving.server.err) - before
        again = len(serving.server.err)
        refused.update([_counted(await http.post("/auth/login", json=wrong)) for _ in range(5)])
        lines = [line for line in serving.server.err[again:].split("\n") if '"authn_login_fail"' in line]
    return [
        only("the log's disk is full: reads", reads, GOOD),
        only("the log's disk is full: writes", writes, GOOD),
        only("the log's disk is full: wrong passwords", refused, {401}),
        at_most("the log's disk is full: bytes that were written", unwritten, 8192),
        at_least("events in the log afterwards", len(lines), 5),
    ]


def _file(serving: Serving) -> Path:
    return Path(str(make_url(serving.environment["FASTNESS_DATABASE_URL"]).database))


async def _reads_go_on(what: str, http: httpx2.AsyncClient) -> list[Figure]:
    reads = Counter([_counted(await http.get("/profile")) for _ in range(20)])
    writes = Counter([_counted(await _write(http, n)) for n in range(20)])
    return [only(f"{what}: reads", reads, READS), only(f"{what}: writes", writes, WRITES)]


def _counted(answer: httpx2.Response) -> int:
    return counted(answer.status_code, answer.headers.get("retry-after"))


async def _write(http: httpx2.AsyncClient, n: int) -> httpx2.Response:
    # Long and new each time, so that it needs pages that the file does not have.
    return await http.patch("/profile", json={"name": f"Ada {secrets.token_hex(30)} {n}"})


def _client(serving: Serving, who: Person) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=serving.url, timeout=60, headers=who.headers, verify=NO_TLS)


async def _no_descriptor(serving: Serving) -> list[Figure]:
    """Who is connected is served; who comes new waits, and is served when there is room again."""
    who = await person(serving.url, f"{secrets.token_hex(4)}@example.com")
    async with _client(serving, who) as http:
        await http.get("/profile")
        with _bounded(serving, resource.RLIMIT_NOFILE, min(_free(pid) for pid in serving.workers())):
            coming = [asyncio.create_task(_new(serving.url, who)) for _ in range(8)]
            connected = Counter([_counted(await http.get("/profile")) for _ in range(20)])
            await asyncio.sleep(0.3)
        came = Counter(await asyncio.gather(*coming))
        after = Counter([await _new(serving.url, who) for _ in range(8)])
    return [
        only("no descriptor left: who is connected", connected, GOOD),
        # A connection that the kernel could not hand over breaks; it gets no wrong answer.
        only("no descriptor left: who comes new", came, {0, 200, 503}),
        only("no descriptor left: who comes afterwards", after, GOOD),
    ]


def _free(pid: int) -> int:
    """The lowest number that its next descriptor could have; with that as the limit there is no next one."""
    held = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in itertools.count() if number not in held)


async def _new(url: str, who: Person) -> int:
    async with httpx2.AsyncClient(base_url=url, timeout=60, headers=who.headers, verify=NO_TLS) as http:
        try:
            return _counted(await http.get("/profile"))
        except httpx2.TransportError:
            return 0


@contextlib.contextmanager
def _bounded(serving: Serving, limit: int, most: int) -> Iterator[None]:
    """Take it from the running server, its log included, and give it back."""
    before = {pid: resource.prlimit(pid, limit) for pid in serving.workers()}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, limit, (most, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, limit, limits)


def _torn(file: Path) -> list[Figure]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
        people = connection.execute("SELECT count(*) FROM users").fetchone()[0]
    return [
        none("complaints of the database about itself", found[found == ["ok"] :]),
        at_least("accounts in it", people, 1),
    ]


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 16 MiB, some more than the tables and their log. Only root may mount one."""
    image, disk = folder / "disk", folder / "mounted"
    folder.mkdir(exist_ok=True)
    image.write_bytes(bytes(16 * 2**20))
    disk.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def _mount_again(disk: Path) -> None:
    subprocess.run(["umount", disk], check=True)
    subprocess.run(["mount", "-o", "loop", disk.with_name("disk"), disk], check=True)


def _given(disk: Path) -> None:
    subprocess.run(["sync", "-f", disk], check=True)


def _broken(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,abort", disk], check=True)


async def _read_only(disk: Path, serving: Serving, everybody: list[Writing]) -> list[Figure]:
    """What the kernel does after an error of the disk. It does not take it back as long as files are open."""
    who = await person(serving.url, f"{secrets.token_hex(4)}@example.com")
    async with _writing(serving.url, everybody):
        pass
    # What the disk has not been given yet is lost with it, as when the power goes (docs/accounts/operations.md).
    await asyncio.to_thread(_given, disk)
    await asyncio.to_thread(_broken, disk)
    async with _client(serving, who) as http, _writing(serving.url, everybody):
        return await _reads_go_on("the disk is read-only", http)


@contextlib.contextmanager
def _filled(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    try:
        yield
    finally:
        filler.unlink()
        _given(disk)  # or the fault that follows brings it back
