"""The six ways to run the account service that we promise: two databases, Redis beside one of them, one worker or four.

`TEST_CELL` names one (`sqlite+memory/1`, `postgresql+redis/4`, ...): then tests of the account service run on its
database and count where it counts, `fastness serve` has its workers, and what names another store is left out. Unset,
tests run on SQLite, those marked `store` on PostgreSQL and Redis too, and those marked `workers` with four workers.
`python tools/matrix.py` runs all six.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastness.controls.secrets import generate
from fresh_database import fresh_url
from journeys.servers import Server, free_port, running
from redis_server import RedisServer, redis_server

_STORES = {"memory", "sqlite", "postgresql", "redis", "valkey"}
PATIENT = 2.0
"""Seconds for Redis to answer, in tests whose subject is the count: a busy machine may need more than 50 ms."""
URL = r"(http://127\.0\.0\.1:\d+)"


@dataclass(frozen=True)
class Cell:
    """Where accounts live, what else is there, and how many processes serve."""

    database: str
    counters: str
    workers: int

    def __str__(self) -> str:
        return f"{self.database}+{self.counters}/{self.workers}"

    def has(self, named: Iterable[str]) -> bool:
        """Whether every store among these words is one of this cell."""
        own = {self.database, "memory", *(["redis", "valkey"] if self.counters == "redis" else [])}
        return not (set(named) & _STORES) - own

    @property
    def settings(self) -> dict[str, str]:
        """What `serve` must be told; several workers without Redis count in the database."""
        return {"FASTNESS_ACCOUNTS__COUNTERS": "database"} if self.counters == "memory" and self.workers > 1 else {}


ALL = tuple(
    Cell(database, counters, workers)
    for database, counters in (("sqlite", "memory"), ("postgresql", "memory"), ("postgresql", "redis"))
    for workers in (1, 4)
)


def chosen() -> Cell | None:
    """The cell that TEST_CELL names.

    Raises:
        ValueError: there is no such cell.
    """
    name = os.environ.get("TEST_CELL")
    if not name:
        return None
    for cell in ALL:
        if str(cell) == name:
            return cell
    raise ValueError(f"TEST_CELL is one of {', '.join(map(str, ALL))}, not {name!r}")


@cache
def _shared_redis() -> RedisServer:
    folder = tempfile.TemporaryDirectory()
    server = RedisServer(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(server.stop)
    server.start()
    return server


def in_process() -> dict[str, Any]:
    """Settings that put an application of this process into the chosen cell, apart from its database."""
    cell = chosen()
    if cell is None or cell.counters != "redis":
        return {}
    return {"redis_url": _shared_redis().url, "redis_prefix": f"test-{secrets.token_hex(6)}:", "redis_timeout": PATIENT}


@dataclass(frozen=True)
class Serving:
    """`fastness serve` in a cell."""

    cell: Cell
    server: Server
    url: str
    database: str
    environment: dict[str, str]
    redis: RedisServer | None

    def workers(self) -> list[int]:
        """The process ids that answer requests."""
        parent = self.server.process.pid
        if self.cell.workers == 1:
            return [parent]
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        # uvicorn's supervisor has one more child, the resource tracker of multiprocessing.
        return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@contextlib.asynccontextmanager
async def served(cell: Cell, folder: Path, **settings: str) -> AsyncIterator[Serving]:
    """A real server of this cell on a fresh database, ended afterwards."""
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_url(cell.database, folder))
        redis = stack.enter_context(redis_server(folder)) if cell.counters == "redis" else None
        environment = {
            "FASTNESS_ENVIRONMENT": "development",
            "FASTNESS_SECRET": generate(),
            "FASTNESS_DATABASE_URL": database,
            **cell.settings,
            **({"REDIS_URL": redis.url, "FASTNESS_REDIS_TIMEOUT": str(PATIENT)} if redis is not None else {}),
            **settings,
        }
        command = ["fastness", "serve", "--port", str(free_port()), "--workers", str(cell.workers)]
        server = stack.enter_context(running(command, folder / "server", environment=environment))
        yield Serving(cell, server, server.answers(URL), database, environment, redis)
