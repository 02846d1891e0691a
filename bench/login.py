"""How sign-ins slow down everybody else, and how many there are, against hashing alone."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

# This folder's names (requests) would hide other people's modules.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import report
from bench.load import Connection, quantile, written
from bench.server import Server, free_port, serving

from fastness.controls.passwords import Passwords, PasswordSettings
from fastness.controls.secrets import generate

PASSWORD = "violet teapot under the stairs"
_RATE = 200
_SETTLE = 1.0
_PLENTY = "1000000000/hour"
_HOST = {"Host": "accounts.example.com"}
RAISED = {
    f"FASTNESS_{name}": _PLENTY
    for name in (
        "LIMITS__PER_ADDRESS",
        "ACCOUNTS__THROTTLE__ACCOUNT",
        "ACCOUNTS__THROTTLE__DEVICE",
        "ACCOUNTS__THROTTLE__ADDRESS",
        "ACCOUNTS__THROTTLE__EVERYONE",
    )
}
"""The limits that a load test runs into; every other setting is the default."""


@dataclass(frozen=True, slots=True)
class Run:
    """What /health saw, in milliseconds, while so many sign-ins were in flight; and what they cost without it."""

    in_flight: int
    p50: float
    p99: float
    worst: float
    probes: int
    sign_ins: float = 0.0
    """Per second, while nobody asks for /health."""
    cpu: float = 0.0
    """Milliseconds of the server's CPU for one of these."""
    refused: int = 0
    memory: float = 0.0


@dataclass(frozen=True, slots=True)
class Hashing:
    """Verifying alone."""

    rate: float
    """Per second, over all threads."""
    cpu: float
    """Milliseconds of CPU each."""


async def probe(port: int, seconds: float) -> list[float]:
    """Milliseconds of each GET /health, from the instant it was due: a late answer delays no later question."""
    with contextlib.suppress(PermissionError):
        os.nice(-10)
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(64):
        free.put_nowait(await Connection.open(port))
    request, times = written("GET", "/health", _HOST), list[float]()

    async def one(due: float) -> None:
        connection = await free.get()
        status = await connection.ask(request)
        if status != 200:
            raise SystemExit(f"GET /health is {status}")
        times.append((time.perf_counter() - due) * 1e3)
        free.put_nowait(connection)

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * _RATE)):
            due = begin + number / _RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    return times


async def sign_ins(port: int, seconds: float, clients: int, devices: list[str | None]) -> tuple[int, int]:
    """How many sign-ins succeeded after the first second and how many were refused; each client waits for its answer.

    `devices` has for each account the token of its known device, or None.
    """
    begin, number, done, refused = time.perf_counter(), count(), 0, 0

    async def client() -> None:
        nonlocal done, refused
        connection = await Connection.open(port)
        while time.perf_counter() < begin + _SETTLE + seconds:
            account = next(number) % len(devices)
            given = {"email": f"user{account}@example.com", "password": PASSWORD}
            if (device := devices[account]) is not None:
                given["device_token"] = device
            headers = {**_HOST, "Content-Type": "application/json"}
            status = await connection.ask(written("POST", "/auth/login", headers, json.dumps(given).encode()))
            if begin + _SETTLE < time.perf_counter() <= begin + _SETTLE + seconds:
                done, refused = done + (status == 200), refused + (status != 200)

    await asyncio.gather(*(client() for _ in range(clients)))
    return done, refused


def measure(server: Server, in_flight: int, *, seconds: float, devices: list[str | None]) -> Run:
    """Probe while `in_flight` sign-ins are always waiting; then count sign-ins without the probe."""
    with aside() as run:
        signing = run(sign_ins, server.port, seconds, in_flight, devices)
        time.sleep(_SETTLE)
        times = run(probe, server.port, seconds).result()
        _, refused = signing.result()
        seen = Run(in_flight, quantile(times, 0.5), quantile(times, 0.99), max(times), len(times))
        if not in_flight:
            return replace(seen, memory=server.peak_memory())
        signing = run(sign_ins, server.port, seconds, in_flight, devices)
        time.sleep(_SETTLE)
        before = server.cpu()
        time.sleep(seconds)
        used = server.cpu() - before
        done, more_refused = signing.result()
    return replace(
        seen,
        sign_ins=done / seconds,
        cpu=used / done * 1e3,
        refused=refused + more_refused,
        memory=server.peak_memory(),
    )


@contextlib.contextmanager
def aside() -> Iterator[Callable[..., Future[Any]]]:
    """Runs coroutines in processes of their own."""
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, mp_context=fork) as pool:
        yield lambda work, *given: pool.submit(_run, work, given)


def _run(work: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    return asyncio.run(work(*given))


def hashing(stored: str, threads: int, niceness: int, seconds: float) -> Hashing:
    """Verify in `threads` threads of one process, as nice as those of the service, so that others slow both alike."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        return pool.submit(_hash, stored, threads, niceness, seconds).result()


def _hash(stored: str, threads: int, niceness: int, seconds: float) -> Hashing:
    from argon2.low_level import Type, verify_secret

    os.nice(niceness)
    hashed, given = stored.encode(), PASSWORD.encode()
    verify_secret(hashed, given, Type.ID)
    done = [0] * threads
    begin, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)

    def work(number: int) -> None:
        while time.perf_counter() < begin + seconds:
            verify_secret(hashed, given, Type.ID)
            done[number] += 1

    working = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()
    took, now = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return Hashing(sum(done) / took, cpu / sum(done) * 1e3)


async def prepared(
    url: str, settings: PasswordSettings, accounts: int, *, new_devices: bool
) -> tuple[str, list[str | None]]:
    """Make the tables and the accounts, all with one password and one hash of it: the hash, and the token of each one's device."""
    from fastness.accounts.db import Database
    from fastness.accounts.models import default_models

    passwords, database = Passwords(settings), Database(url, default_models())
    try:
        await database.create_tables()
        stored = await passwords.hash(PASSWORD)
        devices: list[str | None] = []
        async with database.write() as work:
            for number in range(accounts):
                email, now = f"user{number}@example.com", time.time()
                added = await work.users.add(
                    email=email, canonical=email, name="Somebody", password_hash=stored, verified=True, now=now
                )
                if added is None:
                    raise SystemExit(f"{email} was there already")
                devices.append(None if new_devices else await work.devices.remember(added.id, now=now, ttl=86_400))
    finally:
        passwords.close()
        await database.close()
    return stored, devices


def show(runs: dict[int, list[Run]], bare: list[Hashing], rate_ratios: dict[int, list[float]]) -> None:
    """Two tables: what others feel, and what a sign-in costs."""
    middle = statistics.median
    rows = [
        [
            f"{in_flight} sign-ins in flight" if in_flight else "idle",
            f"{middle(run.p50 for run in found):.1f}",
            f"{middle(run.p99 for run in found):.1f}",
            f"{min(run.p99 for run in found):.1f}-{max(run.p99 for run in found):.1f}",
            f"{middle(run.memory for run in found):.0f}",
        ]
        for in_flight, found in runs.items()
    ]
    report.table((f"GET /health at {_RATE}/s", "p50 ms", "p99 ms", "p99 of rounds", "RSS MiB"), rows)
    each = middle(one.cpu for one in bare)
    rows = [["verifying alone", f"{middle(one.rate for one in bare):.1f}", "1.00", f"{each:.1f}", "1.00", ""]]
    for in_flight, found in runs.items():
        if in_flight:
            cpu = middle(run.cpu for run in found)
            row = [f"{in_flight} sign-ins in flight", f"{middle(run.sign_ins for run in found):.1f}"]
            row += [f"{middle(rate_ratios[in_flight]):.2f}", f"{cpu:.1f}", f"{each / cpu:.2f}"]
            rows.append([*row, str(sum(run.refused for run in found))])
    report.table(("POST /auth/login", "per second", "ratio", "CPU ms", "CPU ratio", "refused"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 round of 3 seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument(
        "--new-devices", action="store_true", help="every sign-in is a new device's, and mails a notice"
    )
    chosen = parser.parse_args()
    rounds, seconds = (1, 3.0) if chosen.quick else (chosen.rounds, chosen.seconds)
    context = report.context()
    report.introduce(context)
    settings = PasswordSettings()
    print(
        f"Argon2id m={settings.memory_kib} KiB t={settings.time_cost} p={settings.parallelism}, {settings.threads} "
        f"threads, niceness {settings.niceness}; {rounds} rounds of {seconds:.0f} s\n"
        f"raised for this run: {', '.join(f'{name}={value}' for name, value in RAISED.items())}"
    )
    runs: dict[int, list[Run]] = {0: [], 8: [], 50: []}
    ratios: dict[int, list[float]] = {in_flight: [] for in_flight in runs}
    bare: list[Hashing] = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/accounts.db"
            stored, devices = asyncio.run(prepared(url, settings, chosen.accounts, new_devices=chosen.new_devices))
            port = free_port()
            env = {
                "FASTNESS_ENVIRONMENT": "production", "FASTNESS_SECRET": generate(), "FASTNESS_DATABASE_URL": url,
                "FASTNESS_PUBLIC_URL": "https://accounts.example.com", "FASTNESS_MAIL__BACKEND": "file",
                "FASTNESS_MAIL__FOLDER": f"{folder}/mails", **RAISED,
            }  # fmt: skip
            command = [str(Path(sys.executable).parent / "fastness"), "serve", "--port", str(port)]
            with serving(command, port, env, Path(folder)) as server:
                for in_flight, found in runs.items():
                    alone = hashing(stored, settings.threads, settings.niceness, seconds / 2)
                    run = measure(server, in_flight, seconds=seconds, devices=devices)
                    again = hashing(stored, settings.threads, settings.niceness, seconds / 2)
                    bare += [alone, again]
                    ratios[in_flight].append(run.sign_ins / ((alone.rate + again.rate) / 2))
                    found.append(run)
                    print(f"  round {number + 1}  {run}  alone {alone.rate:.1f}/s, {again.rate:.1f}/s", flush=True)
    show(runs, bare, ratios)
    figures = {"runs": {n: [asdict(run) for run in found] for n, found in runs.items()}, "ratios": ratios}
    report.save("login", context, {**figures, "alone": [asdict(one) for one in bare], "raised": RAISED})


if __name__ == "__main__":
    main()
