"""Clients whose connections lead to known worker processes, so that a test can ask each of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from plain_http import NO_TLS

_MOST = 400


@contextlib.asynccontextmanager
async def one_per_worker(
    url: str, workers: list[int], address: str = "127.0.0.1"
) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """One kept-alive client for each of these processes, in their order."""
    async with contextlib.AsyncExitStack() as stack:
        found: dict[int, httpx2.AsyncClient] = {}

        async def connect() -> None:
            transport = httpx2.AsyncHTTPTransport(
                local_address=address, verify=NO_TLS, limits=httpx2.Limits(max_connections=1, keepalive_expiry=600)
            )
            http = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=url, timeout=60))
            answer = await http.get("/health")
            stream = answer.extensions["network_stream"]
            pid = _holder(stream.get_extra_info("client_addr")[1], urlsplit(url).port or 80, workers)
            found.setdefault(pid, http)

        for _ in range(_MOST // 8):
            if len(found) == len(workers):
                break
            # At once, so that no single idle worker takes them all; those too many stay open for the same reason.
            await asyncio.gather(*(connect() for _ in range(8)))
        assert len(found) == len(workers), f"only {sorted(found)} of {workers} answered"
        yield [found[pid] for pid in workers]


def _holder(client_port: int, server_port: int, workers: list[int]) -> int:
    """The process that holds the server's side of a connection on loopback."""
    ends = (f":{server_port:04X}", f":{client_port:04X}")
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(ends[0]) and words[2].endswith(ends[1]):
            socket = f"socket:[{words[9]}]"
            for pid in workers:
                if socket in _sockets(pid):
                    return pid
    raise AssertionError("no worker holds the connection")


def _sockets(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(entry.readlink()))
    return found
