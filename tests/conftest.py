"""What every test shares."""

from __future__ import annotations

import asyncio

import pytest

from canary import CANARY, watch
from cells import chosen
from fresh_database import drop_kept
from letting_go import let_go


def pytest_configure(config: pytest.Config) -> None:
    """No secret of any test reaches a log: the run fails when one does."""
    if config.pluginmanager.register(CANARY, "canary") is not None:
        watch()


def pytest_sessionfinish() -> None:
    """Processes of pytest-xdist end without their exit handlers."""
    asyncio.run(drop_kept())


def pytest_runtest_teardown() -> None:
    """Nothing of a test's applications stays."""
    let_go()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a cell (TEST_CELL, see cells.py) leave out what names a store that the cell does not have."""
    cell = chosen()
    if cell is None:
        return
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        call = getattr(item, "callspec", None)
        named = [value for value in call.params.values() if isinstance(value, str)] if call is not None else []
        (kept if cell.has(named) else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept
