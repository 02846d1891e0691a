"""The databases of the application: which they are, and empty tables in those that are thrown away."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import Any


def stores(opened: list[str]) -> Iterator[dict[str, Any]]:
    """Every database that is known: SQLite files that were opened, and engines of SQLAlchemy."""
    for path in opened:
        yield {"kind": "sqlite", "what": path}
    for engine in _engines("Engine", "sqlalchemy.engine"):
        kind = str(engine.url.get_backend_name())
        yield {"kind": kind, "what": (engine.url.database or "") if kind == "sqlite" else "an engine"}


async def create_tables() -> int:
    """Make the tables that migrations would make, in every SQLite database; how many databases that were.

    The guard lets no database outside the scratch folder be opened, so what is written is thrown away.
    """
    kind = getattr(sys.modules.get("sqlalchemy"), "MetaData", None)
    known = [each for each in gc.get_objects() if kind is not None and isinstance(each, kind) and each.tables]
    made = 0
    for engine in _engines("AsyncEngine", "sqlalchemy.ext.asyncio"):
        if engine.url.get_backend_name() == "sqlite":
            made += 1
            for each in known:
                try:
                    async with engine.begin() as connection:
                        await connection.run_sync(each.create_all)
                except Exception:  # noqa: BLE001, S112 - types of another database; its routes will say so
                    continue
    for engine in _engines("Engine", "sqlalchemy.engine"):
        if engine.url.get_backend_name() == "sqlite" and not getattr(engine.dialect, "is_async", False):
            made += 1
            for each in known:
                try:
                    each.create_all(engine)
                except Exception:  # noqa: BLE001, S112 - the same
                    continue
    return made


def _engines(name: str, module: str) -> list[Any]:
    kind = getattr(sys.modules.get(module), name, None)
    return [each for each in gc.get_objects() if kind is not None and type(each) is kind]
