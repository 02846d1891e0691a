"""The guard at run time: statements whose values are inside their text are reported, or refused.

Bound parameters are what every other defence stands on (ASVS 1.2.4). A statement that was put together from strings
works until somebody sends a quotation mark; the guard sees it on the first ordinary request. It looks at each text once:
a known one costs one look-up in a set.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from fastness.controls.sql.fragments import texts
from fastness.controls.sql.literals import inlined, skeleton, utility
from fastness.controls.sql.origin import in_source, place
from fastness.core.declare import provides
from fastness.core.errors import MissingExtra, Refused
from fastness.core.events import Event, EventType, Level, Sink, silent

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

ALLOWED = "sql_literals"
"""The execution option that lets the literals of one statement pass; its value is the reason."""

_log = logging.getLogger("fastness")
_MOST_KNOWN = 10_000
_WORDS = {
    "string": "a string inside the text",
    "number": "a number inside the text",
    "comment": "a comment inside the text",
    "statement": "several statements in one text",
}


class UnboundValue(Refused):
    """A statement was refused because a value is inside its text. That is a fault of the application: 500."""

    code, status, public = "internal_error", 500, "An internal error occurred."
    event: ClassVar[EventType | None] = None  # the guard tells more


@provides("sql")
class SqlGuard:
    """What `guard` returns; `remove()` takes it off again."""

    def __init__(self, engine: Any, mode: Literal["refuse", "report"], emit: Sink, allow: Iterable[str]) -> None:
        from sqlalchemy import event

        self._engine, self._refuse, self._emit = engine, mode == "refuse", emit
        self._allow = frozenset(allow)
        # With the dialect: what is a name for one database is a string for another, and `Engine` is every engine.
        self._fine: dict[str, str] = {}
        self._found: dict[tuple[str, str], str] = {}
        # The events of the dialect, not of the connection: those make every statement 3 us slower by themselves.
        for name, look in self._listeners():
            event.listen(engine, name, look, insert=True)

    def remove(self) -> None:
        """Stop looking."""
        from sqlalchemy import event

        for name, look in self._listeners():
            event.remove(self._engine, name, look)

    def _listeners(self) -> tuple[tuple[str, Any], ...]:
        return (
            ("do_execute", self._look),
            ("do_executemany", self._look),
            ("do_execute_no_params", self._look_without),
        )

    def _look_without(self, cursor: Any, statement: str, context: Any) -> None:
        self._look(cursor, statement, (), context)

    def _look(self, _cursor: Any, statement: str, _parameters: Any, context: Any) -> None:
        dialect = "" if context is None else context.dialect.name
        if self._fine.get(statement) == dialect:
            return
        if context is not None and _reason(context.execution_options):
            return
        found = self._found.get((dialect, statement))
        if found is None:
            found = self._judge(statement, dialect, context)
            self._remember(statement, dialect, found)
            if not found:
                return
            self._tell(statement, dialect, found)
        if self._refuse:
            raise UnboundValue(_WORDS[found])

    def _judge(self, statement: str, dialect: str, context: Any) -> str:
        """Which kind of value stands in the text; empty when it is fine."""
        for text in texts(statement, context):
            found = inlined(text, dialect)
            if found and text not in self._allow and not utility(text, dialect) and not in_source(text):
                return found
        return ""

    def _remember(self, statement: str, dialect: str, found: str) -> None:
        if len(self._fine) + len(self._found) >= _MOST_KNOWN:
            self._fine.clear()
            self._found.clear()
        if not found:
            self._fine[statement] = dialect
        elif not self._refuse:
            self._found[dialect, statement] = found

    def _tell(self, statement: str, dialect: str, found: str) -> None:
        shown, at = skeleton(statement, dialect), place()
        level = Level.CRITICAL if self._refuse else Level.WARN
        details = {"statement": shown, "at": at}
        verb = "refused" if self._refuse else "seen"
        _log.error("SQL %s, %s, at %s: %s", verb, _WORDS[found], at, shown)
        self._emit(Event(EventType.SYS_SQL_LITERAL, level=level, reason=_WORDS[found], details=details))


def guard(
    engine: Engine | AsyncEngine | type[Engine],
    mode: Literal["refuse", "report"] = "refuse",
    *,
    emit: Sink = silent,
    allow: Iterable[str] = (),
) -> SqlGuard:
    """Look at every statement of an engine: `guard(engine)`, or `guard(engine, "report", emit=secured.emit)`.

    Refused or reported is text that reaches the database through `text()`, `exec_driver_sql()`, `literal_column()`, a hint
    or an operator of its own, holds a string, a number, a comment or a second statement, and is no constant of the code that
    runs. The ORM and Core bind by themselves, so they pass. Statements that define or administer (`CREATE`, `PRAGMA`,
    `SET`) pass when they are one: nothing in them can be bound.

    Args:
        engine: synchronous or asynchronous; the class `Engine` for every engine of the process.
        mode: `refuse` raises `UnboundValue` before the statement leaves; `report` lets it run.
        emit: takes one event for each new statement that is found.
        allow: texts that may hold values, exactly as they are. For one execution there is the option
            `sql_literals="the reason"`.

    Raises:
        MissingExtra: SQLAlchemy is not installed.
    """
    try:
        importlib.import_module("sqlalchemy")
    except ImportError:
        raise MissingExtra("the SQL guard", "service") from None
    return SqlGuard(getattr(engine, "sync_engine", engine), mode, emit, allow)


def _reason(options: Any) -> bool:
    reason = options.get(ALLOWED)
    return isinstance(reason, str) and bool(reason.strip())
