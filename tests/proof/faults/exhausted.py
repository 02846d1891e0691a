"""Experiments 20 to 22: bodies, heads and clients that are too large or too slow, and many sign-ins at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import re
import resource
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from cells import Serving, served
from fastness.controls.passwords.settings import PasswordSettings, cores
from plain_http import NO_TLS
from proof.exhaustion import OUTSIDE_ASGI, REFUSED, exhausting
from proof.faults.callers import OPEN, PASSWORD, person
from proof.faults.experiment import Figure, Trial, at_least, at_most, none, only, within
from proof.faults.memory import grown

CASES = json.loads((Path(__file__).parents[2] / "data" / "attacks" / "exhaustion.json").read_text())
MIB = 2**20
PASSED = 100
"""Requests of one address that pass, of those that come on one connection."""
PIPELINED = 500
HELD = 16
"""MiB that two hundred connections, their requests and the rows that they read may hold."""


async def sizes(trial: Trial) -> list[Figure]:
    """Every case of the corpus that is one request, and bodies and heads of 100 MB, with and without their length."""
    slow, large, wrong, statuses = list[str](), list[str](), list[str](), Counter[int]()
    async with served(trial.cell, trial.folder, **OPEN) as serving:
        await person(serving.url, "ada@example.com")
        requests = [*_corpus(), *_bodies()]
        with grown(serving) as watched:
            for name, expected, head, body in requests:
                answer, took = await _sent(serving.url, head, body)
                status = _status(answer)
                statuses[status] += 1
                wrong += [] if status in expected else [f"{name}: {status}, not {expected}"]
                slow += [f"{name}: {took:.1f} s"] if took > 1 else []
                large += [f"{name}: {len(answer)} bytes"] if len(answer) > 4096 else []
    return [
        only("answers", statuses, {400, 413, 414, 422, 431}),
        none("answers that are not the case's own", wrong),
        none("answers over 4 KiB", large),
        Figure("answers after 1 s", f"{len(slow)}: {slow[:1]}", "0", not slow, timed=True),
        at_most("peak of one worker grew by", watched.most, 16, " MiB"),
        *await _pipelined(trial),
    ]


Request = tuple[str, set[int], bytes, list[bytes]]
"""Its name, how it may be answered, its head without the end, its body in parts."""


def _corpus() -> Iterator[Request]:
    for case in CASES:
        if case["kind"] in OUTSIDE_ASGI:
            continue
        asked = exhausting(case)
        target = asked.path.encode() + (b"?" + asked.query if asked.query else b"")
        lines = [b"%s: %s\r\n" % pair for pair in asked.headers]
        body = asked.body or b""
        head = b"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s" % (asked.method.encode(), target, b"".join(lines))
        yield case["kind"], REFUSED[case["kind"]], head + b"Content-Length: %d\r\n" % len(body), [body]


def _bodies() -> Iterator[Request]:
    for path, kind in (("/auth/login", "application/json"), ("/auth/token", "application/x-www-form-urlencoded")):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n".encode()
        yield f"{path}, 100 MiB", {413}, head + b"Content-Length: %d\r\n" % (100 * MIB), [b"x" * MIB] * 100
        chunk = b"%x\r\n%s\r\n" % (MIB, b"x" * MIB)
        yield f"{path}, 100 MiB in chunks", {413}, head + b"Transfer-Encoding: chunked\r\n", [chunk] * 100
    yield "10 MiB of header", {431}, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * (10 * MIB) + b"\r\n", []
    yield "100,000 headers", {431}, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 100_000, []


async def _pipelined(trial: Trial) -> list[Figure]:
    """Requests that come one behind the other, without waiting for an answer: each of them counts."""
    [number] = [case["count"] for case in CASES if case["kind"] == "pipelined_requests"]
    limits = {**OPEN, "FASTNESS_LIMITS__PER_ADDRESS": f"{PASSED}/day"}
    statuses, request = Counter[int](), b"GET /profile HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with served(trial.cell, trial.folder / "pipelined", **limits) as serving:
        reader, writer = await _connected(serving.url)
        with grown(serving) as watched:
            while statuses.total() < number:
                # Together they are no longer than one head may be.
                writer.write(request * PIPELINED)
                for _ in range(PIPELINED):
                    statuses[_status(await _answer(reader))] += 1
        writer.transport.abort()
    exact = {401: PASSED, 429: number - PASSED}
    return [
        Figure(f"{number} pipelined requests", f"{dict(statuses)}", f"{exact}", statuses == exact),
        at_most("pipelined: peak of one worker grew by", watched.most, 16, " MiB"),
    ]


async def _sent(url: str, head: bytes, body: list[bytes]) -> tuple[bytes, float]:
    """The answer, and the seconds after which it was there."""
    for _ in range(5):
        began = time.monotonic()
        reader, writer = await _connected(url)
        writing, answer = asyncio.create_task(_write(writer, head + b"\r\n", body)), b""
        # Of a head that is too large the rest is not read: the reset can overtake the answer. Then it is asked again.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(30):
                answer = await _answer(reader)
        took = time.monotonic() - began
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        writer.transport.abort()
        if answer:
            break
    return answer, took


async def _connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(url)
    # Not the address from which this server was asked whether it is there.
    return await asyncio.open_connection(place.hostname, place.port, local_addr=("127.0.0.9", 0))


async def _write(writer: asyncio.StreamWriter, head: bytes, body: list[bytes]) -> None:
    # It may hang up before it has read everything.
    with contextlib.suppress(OSError):
        for part in (head, *body):
            writer.write(part)
            await writer.drain()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    [length] = re.findall(rb"\r\ncontent-length: (\d+)\r\n", head.lower())
    return head + await reader.readexactly(int(length))


def _status(answer: bytes) -> int:
    return int(answer[9:12] or 0)


async def slow_clients(trial: Trial) -> list[Figure]:
    """A thousand connections send a byte a second, heads and bodies; somebody else is served meanwhile."""
    number, samples = trial.sized(short=(20, 200), full=(1000, 3000))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    async with served(trial.cell, trial.folder, **OPEN) as serving, _watch(serving.url) as took:
        alone, idle = await took(samples), _sockets(serving)
        dripping = [asyncio.create_task(_drips(serving.url, n)) for n in range(number)]
        held = await _at_once(serving, number + idle) - idle
        beside = await took(samples)
        lived = await asyncio.gather(*dripping)
        [after] = await took(1)
    return [
        at_least("connections that the workers held at once", held, number),
        within("the last was cut after", max(lived), 30),
        at_most("others' 99 of 100, times that without them", _p99(beside) / _p99(alone), 2.0),
        within("an answer afterwards", after, 1.0),
    ]


async def _at_once(serving: Serving, wanted: int) -> int:
    """The most sockets that the workers had until there were so many; the first of them are cut after ten seconds."""
    most, until = 0, time.monotonic() + 8
    while most < wanted and time.monotonic() < until:
        await asyncio.sleep(0.2)
        most = max(most, _sockets(serving))
    return most


def _sockets(serving: Serving) -> int:
    """Those that were accepted, and the few that every worker has."""
    found = 0
    for pid in serving.workers():
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found += str(entry.readlink()).startswith("socket:")
    return found


async def _drips(url: str, n: int) -> float:
    place, began = urlsplit(url), time.monotonic()
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = b"POST /auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if n % 2:
        writer.write(head + b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n")
    ended = asyncio.create_task(reader.read())
    with contextlib.suppress(OSError):
        for byte in head * 3:
            if ended.done():
                break
            writer.write(bytes([byte]))
            await asyncio.wait([ended], timeout=1)
    ended.cancel()
    await asyncio.gather(ended, return_exceptions=True)
    writer.transport.abort()
    return time.monotonic() - began


async def hashing(trial: Trial) -> list[Figure]:
    """/health while 8, 50 and 200 sign-ins are in flight, what they hold, and what becomes of more than may wait."""
    return [*await _beside(trial), *await _queue(trial)]


async def _beside(trial: Trial) -> list[Figure]:
    figures: list[Figure] = []
    passwords = PasswordSettings()
    # With more workers than cores their loops wait for a core.
    most = 0.05 if trial.cell.workers <= cores() else 0.25
    async with served(trial.cell, trial.folder, **OPEN) as serving, _watch(serving.url) as took:
        # A hundred failures in a row are the most of one account, and a sign-in is one until it has succeeded.
        emails = [(await person(serving.url, f"caller{n}@example.com")).email for n in range(8)]
        idle = await took(trial.sized(short=100, full=200))
        figures.append(within("/health p99, idle", _p99(idle), most))
        with grown(serving) as watched:
            for number in trial.sized(short=(50,), full=(8, 50, 200)):
                async with _signing_in(serving, emails, number) as statuses:
                    await asyncio.sleep(1)
                    times = await took(trial.sized(short=100, full=1000))
                figures += [
                    within(f"/health p99, {number} sign-ins in flight", _p99(times), most),
                    only(f"{number} sign-ins in flight: answers", statuses, {200, 503}),
                ]
    hashes = passwords.threads * passwords.memory_kib / 1024
    what = (
        f"peak of one worker grew, by {passwords.threads} hashes of {passwords.memory_kib} KiB and what callers hold,"
    )
    return [*figures, at_most(what, watched.most, hashes + HELD, " MiB")]


async def _queue(trial: Trial) -> list[Figure]:
    """Hashes that take a second, few places, and many more callers than those: the rest is told when to come again."""
    slow = {"THREADS": "1", "WAITING_PER_THREAD": "2", "TIME_COST": "64", "MEMORY_KIB": "32768"}
    settings = {**OPEN, **{f"FASTNESS_PASSWORDS__{name}": value for name, value in slow.items()}}
    places, number = 3 * trial.cell.workers, 20 * trial.cell.workers
    async with served(trial.cell, trial.folder / "queue", **settings) as serving:
        with grown(serving) as watched:
            answers = await asyncio.gather(*(_stranger(serving.url, n) for n in range(number)))
        after = await _stranger(serving.url, number)
    statuses = Counter(answer.status_code for answer in answers)
    silent = [answer.headers for answer in answers if answer.status_code == 503 and "retry-after" not in answer.headers]
    return [
        only(f"{number} at once for {places} places: answers", statuses, {401, 503}),
        at_least("of them hashed", statuses[401], places / trial.cell.workers),
        # While they come, each thread ends a hash or two and has room for another.
        at_least("of them told to come again", statuses[503], number - 2 * places),
        none("told so without Retry-After", silent),
        only("who comes when it is over", Counter([after.status_code]), {401}),
        at_most("peak of one worker grew, by one hash and what callers hold,", watched.most, 32 + HELD, " MiB"),
    ]


async def _stranger(url: str, n: int) -> httpx2.Response:
    # An unknown address costs the same hash. A connection each, so that the kernel spreads them over the workers.
    async with httpx2.AsyncClient(base_url=url, timeout=60, verify=NO_TLS) as http:
        return await http.post("/auth/login", json={"email": f"nobody{n}@example.com", "password": PASSWORD})


@contextlib.asynccontextmanager
async def _signing_in(serving: Serving, emails: list[str], number: int) -> AsyncIterator[Counter[int]]:
    statuses, over = Counter[int](), asyncio.Event()

    async def client(email: str) -> None:
        async with httpx2.AsyncClient(base_url=serving.url, timeout=60, verify=NO_TLS) as http:
            while not over.is_set():
                try:
                    answer = await http.post("/auth/login", json={"email": email, "password": PASSWORD})
                except httpx2.TransportError:
                    statuses[0] += 1
                    continue
                statuses[answer.status_code] += 1
                if answer.status_code == 503:
                    await asyncio.sleep(1)

    async with asyncio.TaskGroup() as group:
        for n in range(number):
            group.create_task(client(emails[n % len(emails)]))
        yield statuses
        over.set()


@contextlib.asynccontextmanager
async def _watch(url: str) -> AsyncIterator[Callable[[int], Awaitable[list[float]]]]:
    """Ask /health so many times, in a process of its own, which no client of ours delays: the seconds of each answer."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:

        async def took(times: int) -> list[float]:
            return await loop.run_in_executor(alone, _took, url, times)

        await took(1)
        yield took


def _took(url: str, times: int) -> list[float]:
    found = list[float]()
    with httpx2.Client(timeout=60, verify=NO_TLS) as http:
        for _ in range(times):
            began = time.perf_counter()
            answer = http.get(f"{url}/health")
            found.append(time.perf_counter() - began)
            assert answer.status_code == 200
    return found


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]
