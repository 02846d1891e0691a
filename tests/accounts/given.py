"""Engines as somebody's application makes them, on an empty database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fresh_database import fresh_url

SYNC = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


@contextlib.asynccontextmanager
async def engine_on(kind: str, folder: Path, **options: Any) -> AsyncIterator[Engine | AsyncEngine]:
    """An engine of one kind: `sqlite-async`, `postgresql-sync`, ..."""
    backend, _, way = kind.partition("-")
    async with fresh_url(backend, folder) as url:
        if way == "sync":
            engine = create_engine(make_url(url).set(drivername=SYNC[backend]), **options)
            yield engine
            engine.dispose()
        else:
            there = create_async_engine(url, **options)
            yield there
            await there.dispose()
