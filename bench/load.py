"""Keep-alive load without pipelining: by wrk when it is there, else by this file in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

HOST = "127.0.0.1"
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of load saw. Times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    bad: int
    """Answers that were not 2xx."""


class Connection:
    """One keep-alive connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection(HOST, port))

    async def ask(self, request: bytes) -> int:
        """The status of the answer, after all of it arrived."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        await self._reader.readexactly(int(found[1]) if found else 0)
        return int(head[9:12])

    def close(self) -> None:
        self._writer.close()


def written(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it stands on the wire."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def quantile(times: Sequence[float], share: float) -> float:
    """The time that `share` of all stayed under; nan when there are none."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def tool() -> str:
    """`wrk` or `bench/load.py`; tries to install wrk first where that is possible without asking."""
    if shutil.which("wrk"):
        return "wrk"
    if shutil.which("apt-get"):
        print("wrk is not installed: trying apt-get install -y wrk")
        subprocess.run(["apt-get", "install", "-y", "wrk"], capture_output=True, check=False)
    if shutil.which("wrk"):
        return "wrk"
    print("wrk cannot be installed here (Debian: apt-get install wrk): the bundled client makes the load instead")
    return "bench/load.py"


def press(by: str, port: int, path: str, headers: Mapping[str, str], *, seconds: float, connections: int) -> Load:
    """Ask `path` over and over, for `seconds`, from another process."""
    return (_wrk if by == "wrk" else _own)(port, path, headers, seconds, connections)


def _wrk(port: int, path: str, headers: Mapping[str, str], seconds: float, connections: int) -> Load:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    told = subprocess.run([*command, f"http://{HOST}:{port}{path}"], capture_output=True, text=True, check=True).stdout

    def number(pattern: str) -> str:
        found = re.search(pattern, told)
        if found is None:
            raise SystemExit(f"wrk said something unexpected:\n{told}")
        return found[1]

    def milliseconds(percent: str) -> float:
        text = number(rf"{percent}%\s+([\d.]+\w+)")
        digits = text.rstrip("mus")
        return float(digits) * _MILLISECONDS[text[len(digits) :]]

    requests = int(number(r"(\d+) requests in"))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = re.search(r"Socket errors: .*", told)
    if broken is not None:
        print(f"wrk: {broken[0]}")
    rate = float(number(r"Requests/sec:\s+([\d.]+)"))
    return Load(requests, requests / rate, milliseconds("50"), milliseconds("99"), int(bad[1]) if bad else 0)


def _own(port: int, path: str, headers: Mapping[str, str], seconds: float, connections: int) -> Load:
    plan = {"port": port, "path": path, "headers": dict(headers), "seconds": seconds, "connections": connections}
    told = subprocess.run([sys.executable, __file__, json.dumps(plan)], capture_output=True, text=True, check=True)
    return Load(**json.loads(told.stdout))


async def flood(port: int, request: bytes, *, seconds: float, connections: int) -> dict[str, float]:
    """Each connection asks again as soon as it was answered."""
    times: list[float] = []
    bad = 0
    begin = time.perf_counter()

    async def client() -> None:
        nonlocal bad
        connection = await Connection.open(port)
        while (asked := time.perf_counter()) < begin + seconds:
            status = await connection.ask(request)
            times.append((time.perf_counter() - asked) * 1e3)
            bad += not 200 <= status < 300
        connection.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    took = time.perf_counter() - begin
    return {
        "requests": len(times), "seconds": took, "p50": quantile(times, 0.5), "p99": quantile(times, 0.99), "bad": bad,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", help="JSON: port, path, headers, seconds, connections")
    plan = json.loads(parser.parse_args().plan)
    headers = {"Host": f"{HOST}:{plan['port']}", **plan["headers"]}
    request = written("GET", plan["path"], headers)
    asking = flood(plan["port"], request, seconds=plan["seconds"], connections=plan["connections"])
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        print(json.dumps(runner.run(asking)))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
