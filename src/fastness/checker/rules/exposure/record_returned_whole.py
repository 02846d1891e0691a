"""
## What it looks for
A route without a response model that returns a stored record as it is.

## Why it matters
Every column goes out, those that are added next year too; with a table of users that is the password hash.

## Bad
    from fastapi import Depends, FastAPI
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column()
        hashed_password: Mapped[str] = mapped_column()

    app = FastAPI()

    def database() -> Session:
        return Session()

    @app.get("/authors")
    def authors(db: Session = Depends(database)):
        return db.query(User).all()

## Good
    from fastapi import Depends, FastAPI
    from pydantic import BaseModel
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column()
        hashed_password: Mapped[str] = mapped_column()

    class Author(BaseModel):
        id: int
        name: str

    app = FastAPI()

    def database() -> Session:
        return Session()

    @app.get("/authors", response_model=list[Author])
    def authors(db: Session = Depends(database)):
        return db.query(User).all()

## How it is found
What a handler returns is followed through names, dicts and functions to a query, a constructor or a dependency's record.
In the regular persona only records that hold secrets count; pedantic adds those with data about a person, auditor all.

## What it cannot see
Documents that were never seen to be stored as a model, and rows of statements that are written as text.

## How to tell the checker
`# fastness: ignore[FN502] the reason` on the line of the decorator.

## References
OWASP API3:2023, ASVS 15.3.1, CWE-213
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.kept import models_returned
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.records import Record
from fastness.checker.evidence.returned import declared, models_of, records_returned
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_EVERYTHING = re.compile(r"select\s+\*\s+from\s+[\"'`]?(?P<table>\w+)", re.IGNORECASE)


class RecordReturnedWhole(Rule):
    """Whatever the table holds, the answer holds."""

    id, name, control, severity = "FN502", "record-returned-whole", "fields", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API3:2023",), ("15.3.1",), (213, 200), (4,)
    why = "columns that were never meant to leave do, the password hash first"
    fix = "declare response_model=... with exactly the fields that the client needs"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if route.kind != "http" or handler is None or route.development or _shaped(route):
                continue
            held = (r for r in models_returned(handler) if r.secrets)
            for record in (*records_returned(handler), *held):
                yield self._found(route, record)
                break
            else:
                table = _everything(route, handler.project)
                if table:
                    yield self.found(
                        route.place,
                        f"{route} returns all columns of {table}",
                        route=route,
                        subject=f"{route.name} {table}",
                        severity=Severity.HIGH,
                        confidence=Confidence.MEDIUM,
                    )

    def _found(self, route: Route, record: Record) -> Finding:
        secrets, personal = record.secrets, record.personal
        what = f" with {secrets[0]}" if secrets else ""
        return self.found(
            route.place,
            f"{route} returns {record.short} as it is stored{what}",
            route=route,
            subject=f"{route.name} {record.short}",
            severity=Severity.HIGH if secrets else Severity.LOW,
            confidence=Confidence.HIGH if secrets else Confidence.MEDIUM,
            persona=Persona.REGULAR if secrets else Persona.PEDANTIC if personal else Persona.AUDITOR,
        )


def _shaped(route: Route) -> bool:
    """Whether a model decides what leaves: a response model, or a response that the handler builds."""
    if models_of(route):
        return True
    shape = declared(route)
    if shape is None:
        return False

    text = written(shape[0])
    return re.search(r"Response|\b(str|int|bool|float|bytes|None)\b$", text) is not None or "TypedDict" in text


def _everything(route: Route, project: Project) -> str:
    """The table of a `SELECT *` in the handler whose rows hold passwords."""
    handler = route.handler
    if handler is None or not handler.returns:
        return ""
    for call in handler.calls("execute", "fetch_all", "fetch_one", "fetch", "fetchrow", "text"):
        value = call.value(0)
        texts = [value.text, *(item.text for item in value.items[:1])]
        found = next((m for m in (_EVERYTHING.search(t) for t in texts) if m), None)
        if (
            found
            and _names_row(handler.project.words(handler.scope))
            and found["table"].lower() in project.once(_secret_tables)
        ):
            return found["table"]
    return ""


def _names_row(words: str) -> bool:
    """Whether the rows are handed on whole; a handler that names their columns builds its answer itself."""
    return re.search(r"fetchall|fetchone|mappings|fetch_all|fetch_one|\bdict\b", words) is not None


def _secret_tables(project: Project) -> frozenset[str]:
    created = re.compile(
        r"create\s+table\s+(?:if\s+not\s+exists\s+)?[\"'`]?(\w+)[\"'`]?\s*\(([^;]*?)(?:\"\"\"|'''|;)",
        re.IGNORECASE | re.DOTALL,
    )
    found: set[str] = set()
    for module in project.modules:
        if "reate" in module.text or "REATE" in module.text:
            found |= {
                m[1].lower()
                for m in created.finditer(module.text)
                if re.search(r"passw|pwd|secret", m[2], re.IGNORECASE)
            }
    return frozenset(found)
