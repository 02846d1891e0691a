"""How the database would run what the models ask it."""

# ruff: noqa: PT012 - what breaks is a whole transaction
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event

from fastness.accounts.models import Work
from models_on import AccountDatabase

SCANS = ("SCAN", "Seq Scan on")


async def plans(db: AccountDatabase, act: Callable[[Work], Awaitable[object]]) -> list[str]:
    """How the database would run each statement of `act`, which is rolled back."""
    ran: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        ran.append((statement, parameters))

    engine = db.engine.sync_engine
    sqlite = engine.dialect.name == "sqlite"
    found = []
    with pytest.raises(RuntimeError, match="undo"):
        async with db.write() as work:
            event.listen(engine, "before_cursor_execute", note)
            try:
                await act(work)
            finally:
                event.remove(engine, "before_cursor_execute", note)
            for statement, parameters in ran:
                if "count(" in statement and "LIMIT" in statement:
                    continue  # A total reads at most 10,001 rows, in whatever way is quickest.
                explain = f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{statement}"
                allowed = {"sql_literals": "a statement that ran already"}
                rows = await work.users.connection.exec_driver_sql(explain, parameters, execution_options=allowed)
                plan = "\n".join(" ".join(str(value) for value in row) for row in rows)
                # The partial scans of an index are reads of it in order, which end at the limit.
                found.append("\n".join(line for line in plan.splitlines() if "USING" not in line))
            raise RuntimeError("undo")
    assert found
    return found
