"""Every promise of the account service is kept on both databases; the PostgreSQL half has the marker `store`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from accounts.serving import Served, serving
from fastness.controls.sql import guard
from fresh_database import fresh_url

OF_THE_TESTS = (
    # Constants that run in a task of their own, where nobody can see that they are.
    "SELECT pg_sleep(30)",
    "DELETE FROM numbers WHERE n < 100 RETURNING n",
    "INSERT INTO fastness_devices VALUES (x'00', 'nobody', 1.0, 2.0, '', '', NULL)",
)
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.store)]


@pytest.fixture(scope="session", autouse=True)
def _no_value_inside_a_statement() -> Iterator[None]:
    """Every engine that the service makes runs under the guard, which refuses; migrations too."""

    def guarded(*args: Any, **options: Any) -> AsyncEngine:
        engine = create_async_engine(*args, **options)
        guard(engine, allow=OF_THE_TESTS)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastness.accounts.engine.create_async_engine", guarded)
        yield


@pytest.fixture(params=BOTH)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty database."""
    async with fresh_url(request.param, tmp_path) as fresh:
        yield fresh


@pytest.fixture
async def served(url: str) -> AsyncIterator[Served]:
    """The service with limits that no test reaches."""
    async with serving(url, verify_link="https://app.example.com/verify") as running:
        yield running
