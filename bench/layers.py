"""Microseconds, or instructions, that each control adds to a request driven in process: no socket, no HTTP parser."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# This folder's names (requests) would hide other people's modules.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import report
from bench.apps.common import BILLION, ME, ORIGIN
from fastapi import Depends, FastAPI
from pydantic import SecretStr

from fastness import public, require, secure
from fastness.chain import Settings
from fastness.controls.cors import CorsSettings
from fastness.controls.hosts import HostSettings
from fastness.controls.limits import LimitSettings
from fastness.controls.secrets import generate

_HOST = "api.example.com"
_SWITCHES = ("headers", "request_id", "proxies", "cors", "problems", "hosts", "body", "limits", "security_events")
MANY = "everything, beside 1,000 protected routes"
_LIMITS = LimitSettings(per_address=BILLION, per_user=BILLION)


@dataclass(frozen=True, slots=True)
class Case:
    """An application and the headers of the request that it gets."""

    title: str
    app: Any
    headers: list[tuple[bytes, bytes]]


def bare() -> FastAPI:
    """FastAPI with nothing around it."""
    app = FastAPI(openapi_url=None)

    @app.get("/me", response_model=None)
    @public("the benchmark asks")
    async def me() -> dict[str, str]:
        return ME

    return app


def secured(on: dict[str, Any], *, role: bool) -> tuple[FastAPI, str]:
    """An application with these controls on and all others off, and a good token; "" where there are none."""
    app = FastAPI(openapi_url=None) if role else bare()
    settings = Settings(
        environment="production", secret=(SecretStr(generate()),), public_url=f"https://{_HOST}", redis_url=""
    )
    off: dict[str, Any] = dict.fromkeys((*_SWITCHES, "tokens"), False)
    chain = secure(app, settings, **(off | on))
    if role:

        @app.get("/me", response_model=None, dependencies=[Depends(require(role="admin"))])
        async def me() -> dict[str, str]:
            return ME

    return app, chain.tokens.issue(ME["id"], roles=["admin"]) if chain.tokens is not None else ""


def cases() -> list[Case]:
    """Bare, everything off, each control alone, everything."""
    plain = [(b"host", _HOST.encode()), (b"user-agent", b"bench"), (b"accept", b"*/*"), (b"origin", ORIGIN.encode())]
    each: dict[str, Any] = dict.fromkeys(_SWITCHES) | {
        "cors": CorsSettings(origins=(ORIGIN,)),
        "hosts": HostSettings(allowed=(_HOST,)),
        "limits": _LIMITS,
    }
    unread = (b"authorization", b"Bearer " + b"x" * 400)  # as long as a real one, for applications that read none
    found = [Case("bare FastAPI", bare(), [*plain, unread])]
    found.append(Case("chain, every control off", secured({}, role=False)[0], [*plain, unread]))
    found += [Case(f"+ {name}", secured({name: on}, role=False)[0], [*plain, unread]) for name, on in each.items()]
    for title, on, role in (
        ("+ tokens", {"tokens": None}, False),
        ("+ tokens and a role requirement", {"tokens": None}, True),
        ("everything", {**each, "tokens": None}, True),
    ):
        app, token = secured(on, role=role)
        found.append(Case(title, app, [*plain, (b"authorization", f"Bearer {token}".encode())]))
    app, token = secured({**each, "tokens": None}, role=True)
    for number in range(1000):  # after /me, so that FastAPI's own search costs the same
        app.get(f"/things{number}/{{one}}", dependencies=[Depends(require(role="admin"))])(_thing)
    found.append(Case(MANY, app, [*plain, (b"authorization", f"Bearer {token}".encode())]))
    return found


async def _thing(one: str) -> str:
    return one


def scope_of(case: Case) -> dict[str, Any]:
    """A fresh scope as uvicorn makes it."""
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "server": ("127.0.0.1", 8000), "client": ("203.0.113.7", 50_000), "scheme": "http", "method": "GET",
        "root_path": "", "path": "/me", "raw_path": b"/me", "query_string": b"", "headers": list(case.headers),
        "state": {},
    }  # fmt: skip


async def ask(case: Case, times: int, *, sent: Callable[[MutableMapping[str, Any]], None] = lambda _: None) -> None:
    """The same request, one after another."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent(message)

    app = case.app
    for _ in range(times):
        await app(scope_of(case), receive, send)


async def proven(case: Case) -> None:
    """Every case answers 200: what is measured is not a refusal."""
    messages: list[MutableMapping[str, Any]] = []
    await ask(case, 3, sent=messages.append)
    status, body = messages[-2]["status"], messages[-1]["body"]
    if status != 200 or json.loads(body) != ME:
        raise SystemExit(f"{case.title} answers {status} {body!r}")


async def timed(rounds: int, times: int) -> dict[str, float]:
    """Microseconds per request: the least of many short rounds, taken in turn."""
    found = cases()
    best = {case.title: float("inf") for case in found}
    for case in found:
        await proven(case)
        await ask(case, times)
    gc.collect()
    gc.disable()
    for number in range(rounds):
        turn = number % len(found)  # nobody is always first after the collection
        for case in [*found[turn:], *found[:turn]]:
            begin = time.perf_counter()
            await ask(case, times)
            best[case.title] = min(best[case.title], (time.perf_counter() - begin) / times * 1e6)
        gc.collect()
    return best


async def counted(times: int) -> None:
    """Run under callgrind, which writes what it counted whenever `getppid` is called."""
    found = cases()
    for case in found:
        await proven(case)
        await ask(case, times)
    gc.collect()
    gc.disable()
    for case in found:
        os.getppid()
        await ask(case, times)
    os.getppid()


def instructions(times: int) -> dict[str, float]:
    """Thousands of instructions per request. The same on a busy machine as on a quiet one."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind", "--tool=callgrind", "--dump-before=os_getppid", f"--callgrind-out-file={folder}/count",
            sys.executable, __file__, "--counted", str(times),
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONMALLOC": "pymalloc"}
        told = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        titles = [case.title for case in cases()]
        dumps = sorted(Path(folder).glob("count.*"), key=lambda file: int(file.suffix[1:]))
        totals = [re.search(r"^totals: (\d+)", file.read_text(), re.MULTILINE) for file in dumps]
    numbers = [int(total[1]) for total in totals if total is not None]
    # The first dump is everything before the first case, the last one everything after the last.
    measured = numbers[1 : 1 + len(titles)]
    if told.returncode or len(measured) != len(titles):
        raise SystemExit(f"callgrind counted {len(numbers)} times for {len(titles)} cases:\n{told.stderr[-2000:]}")
    return {title: number / times / 1e3 for title, number in zip(titles, measured, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    parser.add_argument("--instructions", action="store_true", help="count instructions with valgrind (minutes)")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--times", type=int, default=50, help="requests in a round")
    parser.add_argument("--counted", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.counted:
        asyncio.run(counted(chosen.counted))
        return
    if chosen.instructions and not shutil.which("valgrind"):
        raise SystemExit("valgrind is not installed (Debian: apt-get install valgrind)")
    context = report.context()
    report.introduce(context)
    rounds = max(1, chosen.rounds // 10) if chosen.quick else chosen.rounds
    if chosen.instructions:
        unit, found = "k instructions", instructions(chosen.times)
    else:
        unit, found = "us", asyncio.run(timed(rounds, chosen.times))
    base, empty = found["bare FastAPI"], found["chain, every control off"]
    rows = [
        [title, f"{cost:.1f}", f"{cost - base:+.1f}", f"{cost - empty:+.1f}" if title.startswith("+") else "", f"{base / cost:.2f}"]
        for title, cost in found.items()
    ]  # fmt: skip
    report.table(("in process", unit, "over bare", "over the empty chain", "bare / this"), rows)
    report.save("layers", context, {"unit": unit, "rounds": rounds, "times": chosen.times, "cost": found})


if __name__ == "__main__":
    main()
