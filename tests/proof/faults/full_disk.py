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
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
from sqlalchemy import make_url

from cells import Serving, served
from plain_http import NO_TLS
from proof.faults.callers import OPEN, Person, person
from proof.faults.experiment import Figure, Trial, at_least, none, only

READS, WRITES, GOOD = {200}, {503}, {200}


async def run(trial: Trial) -> list[Figure]:
    """The kernel refuses the server's writes, then its new files; in the long form a real small disk fills too."""
    async with served(trial.cell, trial.folder, **OPEN) as serving:
        figures = await _endures("no byte can be written", serving, lambda: _bounded(serving, resource.RLIMIT_FSIZE, 0))
        figures += await _no_descriptor(serving)
        figures += _torn(Path(str(make_url(serving.database).database)))
    if not trial.short:
        with _small_disk(trial.folder) as disk:
            place = {"FASTNESS_DATABASE_URL": f"sqlite:///{disk}/accounts.db"}
            async with served(trial.cell, trial.folder / "small", **OPEN, **place) as serving:
                figures += await _endures("the disk is full", serving, lambda: _filled(disk))
                figures += await _read_only(disk, serving)
            _mount_again(disk)
            figures += _torn(disk / "accounts.db")
    return figures


async def _endures(
    what: str, serving: Serving, fault: Callable[[], contextlib.AbstractContextManager[None]]
) -> list[Figure]:
    who = await person(serving.url, f"{secrets.token_hex(4)}@example.com")
    async with httpx2.AsyncClient(base_url=serving.url, timeout=60, headers=who.headers, verify=NO_TLS) as http:
        with fault():
            figures = await _reads_go_on(what, http)
        after = Counter([(await _write(http, n)).status_code for n in range(20)])
    return [*figures, only(f"{what}: writes afterwards", after, GOOD)]


async def _reads_go_on(what: str, http: httpx2.AsyncClient) -> list[Figure]:
    reads = Counter([(await http.get("/profile")).status_code for _ in range(20)])
    writes = Counter([(await _write(http, n)).status_code for n in range(20)])
    return [only(f"{what}: reads", reads, READS), only(f"{what}: writes", writes, WRITES)]


async def _write(http: httpx2.AsyncClient, n: int) -> httpx2.Response:
    # Long and new each time, so that it needs pages that the file does not have.
    return await http.patch("/profile", json={"name": f"Ada {secrets.token_hex(30)} {n}"})


async def _no_descriptor(serving: Serving) -> list[Figure]:
    """Who is connected is served; who comes new waits, and is served when there is room again."""
    who = await person(serving.url, f"{secrets.token_hex(4)}@example.com")
    async with httpx2.AsyncClient(base_url=serving.url, timeout=60, headers=who.headers, verify=NO_TLS) as http:
        await http.get("/profile")
        with _bounded(serving, resource.RLIMIT_NOFILE, min(_free(pid) for pid in serving.workers())):
            coming = [asyncio.create_task(_new(serving.url, who)) for _ in range(8)]
            connected = Counter([(await http.get("/profile")).status_code for _ in range(20)])
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
            return (await http.get("/profile")).status_code
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


def _broken(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,abort", disk], check=True)


async def _read_only(disk: Path, serving: Serving) -> list[Figure]:
    """What the kernel does after an error of the disk. It does not take it back as long as files are open."""
    who = await person(serving.url, f"{secrets.token_hex(4)}@example.com")
    async with httpx2.AsyncClient(base_url=serving.url, timeout=60, headers=who.headers, verify=NO_TLS) as http:
        await asyncio.to_thread(_broken, disk)
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
