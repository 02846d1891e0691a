"""
## What it looks for
A database statement whose text is put together from data: f-string, `format`, `%` or `+`.

## Why it matters
Whoever controls a piece of the text controls the statement: they read every table, or delete it.

## Bad
    import sqlite3
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/users")
    def find(name: str) -> list[tuple[str, ...]]:
        connection = sqlite3.connect("app.db")
        return connection.execute(f"SELECT * FROM users WHERE name = '{name}'").fetchall()

## Good
    import sqlite3
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/users")
    def find(name: str) -> list[tuple[str, ...]]:
        connection = sqlite3.connect("app.db")
        return connection.execute("SELECT * FROM users WHERE name = ?", (name,)).fetchall()

## How it is found
The text that reaches `execute`, `text`, `read_sql` and their relatives is followed back. Each piece that was put in is
asked where it comes from: text of a request, or the answer of another service, is an error; what no source shows is
reported to auditors only. Constants, numbers, enums, `Literal`, fields with a pattern or a validator that refuses, keys of
a model, values of a table in the code, and what was tested before (`if name not in ALLOWED`) are left alone.

## What it cannot see
Pieces that come out of a store where a user put them, and queries built by a library that is not in the project.

## How to tell the checker
`# fastness: ignore[FN301] the reason` on the line of the statement.

## References
OWASP API8:2023, ASVS 1.2.4, CWE-89.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.pieces import Piece, pieces
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.text import Formatted
from fastness.checker.evidence.verified import verified
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

SINKS = (
    "execute", "executemany", "executescript", "exec_driver_sql", "read_sql", "read_sql_query", "fetchrow", "fetchval",
    "fetch_all", "fetch_one", "fetch_val", "iterate", "sqlalchemy.text", "literal_column", "execute_sql", "execute_query",
    "run_sql", "executemany_sql",
)  # fmt: skip
VAGUE = (
    "raw",
    "fetch",
    "exec",
    "scalar",
    "scalars",
    "query",
    "run",
    "fetchone",
    "fetchall",
    "RawSQL",
    "TextClause",
    "text",
)
"""Names that other libraries use too: their text must begin like a statement."""
_BEGINS = re.compile(
    r"^\W*(with\s+\w+\s+as|select\s|insert\s+into|update\s+\S+\s+set|delete\s+from|(drop|alter|create)\s[\w\s]{0,60}?\b(table|schema"
    r"|index|database|view|role|user|extension|sequence|function|trigger|column|type)|truncate\s|replace\s+into|merge\s+into|call\s+\w+\s*\("
    r"|exec\s|pragma\s|grant\s|set\s+(role|session|search_path|local)|copy\s+\S+\s+(from|to)|show\s+\w+|listen\s|notify\s)",
    re.IGNORECASE,
)
_HOLDS = re.compile(
    r"\b(from|where|order\s+by|values|and|or|like|limit|set)\s+\S|^\W*\{\}\s*(=|like|asc|desc|in\b)", re.IGNORECASE
)
_QUOTED = re.compile(r"'%?\{\}%?'")
CLEANED = frozenset({
    "quote_identifier", "quoted_name", "quote_ident", "Identifier", "escape_string", "safe_name", "safe_order", "quote",
    "literal_processor", "literal", "Literal", "sanitize_identifier", "hexdigest", "isoformat", "uuid4", "bindparam",
})  # fmt: skip
_SERVICE = re.compile(r"^(requests|httpx2?|aiohttp|urllib3?)\b")


class SqlByFormatting(Rule):
    """SQL put together from data."""

    id, name, control, severity = "FN301", "sql-by-formatting", "sql", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API8:2023",), ("1.2.4",), (89,), (5,)
    why = "whoever controls a piece of the text controls the statement"
    fix = "pass the value beside the text: execute(text('... WHERE name = :name'), {'name': name})"

    def read(self, project: Project) -> Iterator[Finding]:
        seen: set[int] = set()
        for call in project.calls(*SINKS, *VAGUE):
            statement = call.arg("statement", "sql", "query", "operation", "stmt", 0)
            if statement is None:
                continue
            sure = call.target is None and call.is_a(*SINKS)
            for formatted in Formatted.behind(project, call.scope, statement):
                begins = _BEGINS.search(formatted.text) is not None
                if id(formatted.node) in seen or not (begins or (sure and _HOLDS.search(formatted.text))):
                    continue
                seen.add(id(formatted.node))
                finding = self._judged(project, formatted)
                if finding is not None:
                    yield finding

    def _judged(self, project: Project, formatted: Formatted) -> Finding | None:
        place = project.place(formatted.scope, formatted.node)
        subject = project.code(formatted.scope, formatted.node)
        asked: set[str] = set()
        answered: list[str] = []
        unknown: list[str] = []
        for piece in self._pieces(project, formatted):
            names = {s.name for s in piece.asked(CLEANED)}
            if names and not verified(project, piece.scope, piece.expr):
                asked |= names
            elif any(s.kind == "call" and _SERVICE.match(s.name) for s in piece.sources):
                answered.append(piece.code)
            elif names or any(
                s.kind in {"parameter", "unknown", "call", "dependency"} and not s.harmless for s in piece.sources
            ):
                unknown.append(piece.code)
        if asked:
            return self.found(
                place, f"the request's {', '.join(sorted(asked))} becomes part of the statement", subject=subject
            )
        if answered:
            return self.found(
                place,
                f"what another service answered becomes part of the statement: {', '.join(answered)[:80]}",
                subject=subject,
                severity=Severity.HIGH,
                confidence=Confidence.MEDIUM,
            )
        if unknown:
            return self.found(
                place,
                f"{', '.join(unknown)[:80]} becomes part of the statement",
                subject=subject,
                severity=Severity.MEDIUM,
                confidence=Confidence.LOW,
                # Between quotes stands a value; a name of a table is there for lack of another way.
                persona=Persona.PEDANTIC if _QUOTED.search(formatted.text) else Persona.AUDITOR,
            )
        return None

    @staticmethod
    def _pieces(project: Project, formatted: Formatted) -> Iterator[Piece]:
        for expr in formatted.pieces:
            if not project.value(formatted.scope, expr).literal or isinstance(expr, ast.Call):
                yield from pieces(project, formatted.scope, expr, CLEANED)
