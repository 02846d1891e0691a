"""
## What it looks for
Text of the request that is a piece of SQL by itself: in `text`, `order_by(text(...))`, `literal_column`, or as the whole
statement.

## Why it matters
Bound values do not help here: the caller writes the SQL, `?sort=(select password from users limit 1)`.

## Bad
    from fastapi import Depends, FastAPI
    from sqlalchemy import select, text
    from sqlalchemy.orm import Session
    from shop.database import Item, get_session

    app = FastAPI()

    @app.get("/items")
    def items(sort: str = "name", session: Session = Depends(get_session)) -> list[str]:
        return [item.name for item in session.scalars(select(Item).order_by(text(sort)).limit(50))]

## Good
    from typing import Literal
    from fastapi import Depends, FastAPI
    from sqlalchemy import select
    from sqlalchemy.orm import Session
    from shop.database import Item, get_session

    app = FastAPI()
    COLUMNS = {"name": Item.name, "price": Item.price}

    @app.get("/items")
    def items(sort: Literal["name", "price"] = "name", session: Session = Depends(get_session)) -> list[str]:
        return [item.name for item in session.scalars(select(Item).order_by(COLUMNS[sort]).limit(50))]

## How it is found
What is given to SQLAlchemy's textual constructs and to `execute` is followed back to the request. A `Literal`, an enum, a
pattern, a table of columns or a test against a list before it makes it harmless.

## What it cannot see
Statements that a library outside the project runs.

## How to tell the checker
`# fastness: ignore[FN302] the reason` on the line of the statement.

## References
OWASP API8:2023, ASVS 1.2.4, CWE-89.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.verified import verified
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_SINKS = (
    "sqlalchemy.text", "literal_column", "from_statement", "exec_driver_sql", "execute", "executescript", "read_sql",
    "read_sql_query", "fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "RawSQL",
)  # fmt: skip
_KEEPING = frozenset({"strip", "lstrip", "rstrip", "str", "json", "body", "decode", "text", "get", "lower", "upper"})


class RequestTextAsSql(Rule):
    """The request's own text as SQL."""

    id, name, control, severity = "FN302", "request-text-as-sql", "sql", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API8:2023",), ("1.2.4",), (89,), (5,)
    why = "the caller writes a part of the statement, whatever is bound beside it"
    fix = "choose from a table in the code: order_by(COLUMNS[sort]) with sort: Literal['name', 'price']"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(*_SINKS):
            statement = call.arg("statement", "sql", "query", "text", 0)
            if statement is None or call.target is not None or not _whole(statement):
                continue
            if call.name.rpartition(".")[2] == "fetch" and not _connection(project, call):
                continue
            kind = project.names.kind(call.scope, statement)
            if kind is not None and not project.names.is_a(kind, "str"):
                continue  # a built statement: nothing is gained by following its parts
            asked = {
                s.name
                for s in project.flow.requested(call.scope, statement)
                if _KEEPING.issuperset(s.through) and s.annotation in {"str", "", "Any", "dict"}
            }
            if asked and not verified(project, call.scope, statement):
                yield self.found(
                    call.place, f"the request's {', '.join(sorted(asked))} is run as SQL", subject=call.code
                )


def _whole(statement: ast.expr) -> bool:
    """Whether an expression hands a text over as it is; a text put together is FN301, a built statement none."""
    if isinstance(statement, ast.Call):
        func = statement.func
        return isinstance(func, ast.Attribute) and func.attr in _KEEPING and _whole(func.value)
    return isinstance(statement, (ast.Name, ast.Attribute, ast.Subscript))


def _connection(project: Project, call: Call) -> bool:
    """Whether `fetch` is asyncpg's; other libraries fetch addresses."""
    if call.receiver is None:
        return False
    kind = project.names.kind(call.scope, call.receiver)
    return project.names.is_a(
        kind, "asyncpg.Connection", "asyncpg.Pool", "asyncpg.connection.Connection", "asyncpg.pool.Pool"
    )
