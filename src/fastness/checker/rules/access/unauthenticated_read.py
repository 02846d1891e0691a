"""
## What it looks for
A route that reads from a store and answers strangers.

## Why it matters
Whoever finds the address copies the data; scrapers find it first.

## Bad
    from fastapi import Depends, FastAPI
    from pydantic import BaseModel
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Customer(Base):
        __tablename__ = "customers"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column()
        phone: Mapped[str] = mapped_column()

    class Shown(BaseModel):
        id: int
        email: str
        phone: str

    app = FastAPI()

    def database() -> Session:
        return Session()

    @app.get("/customers", response_model=list[Shown])
    def customers(db: Session = Depends(database)):
        return db.query(Customer).limit(100).all()

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI
    from fastapi.security import OAuth2PasswordBearer
    from pydantic import BaseModel
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Customer(Base):
        __tablename__ = "customers"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column()
        phone: Mapped[str] = mapped_column()

    class Shown(BaseModel):
        id: int
        email: str
        phone: str

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def database() -> Session:
        return Session()

    def current_user(token: str = Depends(bearer)) -> str:
        return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    @app.get("/customers", response_model=list[Shown])
    def customers(db: Session = Depends(database), user: str = Depends(current_user)):
        return db.query(Customer).limit(100).all()

## How it is found
Routes without a guard that read a store are listed. In the regular persona only those count whose answer, record or path
speaks of people, money or messages (by the path alone only where other routes ask who is calling); a public catalogue is left to
pedantic readers, and what is public by nature (health, landing, documentation, feeds) to nobody.

## What it cannot see
Data that is public on purpose: say so.

## How to tell the checker
`@public("reason")`, or the route under `public` in `[tool.fastness.check]`.

## References
OWASP API2:2023, ASVS 8.3.1, CWE-306
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.kept import models_returned
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.purpose import PUBLIC_BY_NATURE, purposes
from fastness.checker.evidence.records import PERSONAL
from fastness.checker.evidence.returned import fields_within, models_of, records_returned
from fastness.checker.evidence.stored import reads
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_SENSITIVE = re.compile(
    r"^(users?|accounts?|members?|customers?|clients?|patients?|employees?|students?|people|persons?|profiles?|orders?|invoices?|payments?"
    r"|transactions?|messages?|conversations?|chats?|notifications?|sessions?|logs|audit|secrets?|tokens?|api[-_]?keys?|credentials|settings|config"
    r"|bookings?|reservations?|appointments?|addresses|contacts?|emails?|tickets?|salaries|wallets?|documents?|uploads)$",
    re.IGNORECASE,
)  # fmt: skip


_COMPANY = re.compile(
    r"organi[sz]ation|company|shop|store|business|vendor|merchant|tenant|branch|office|restaurant", re.IGNORECASE
)
"""Whose address is there to be found."""


class UnauthenticatedRead(Rule):
    """Stored data for everybody."""

    id, name, control, severity = "FN102", "unauthenticated-read", "access", Severity.MEDIUM
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API2:2023",), ("8.3.1",), (306,), (2,)
    why = "whoever finds the address copies the data"
    fix = 'add a dependency that verifies the caller, or say why everybody may: @public("reason")'

    def inspect(self, application: Application) -> Iterator[Finding]:
        signed_in = any(route.guarded("access") for route in application.routes)
        for route in application.routes:
            handler = route.handler
            if handler is None or route.writes or not _open(route) or not reads(handler):
                continue
            about = _about(route) or (_named(route) if signed_in else "")
            yield self.found(
                route.place,
                f"{route} reads {about or 'stored data'} and nobody asks who is calling",
                route=route,
                subject=route.name,
                confidence=Confidence.HIGH
                if about and route.placed
                else Confidence.MEDIUM
                if route.placed
                else Confidence.LOW,
                persona=Persona.REGULAR if about and route.placed else Persona.PEDANTIC,
            )


def _open(route: Route) -> bool:
    if route.kind != "http" or route.public is not None or route.development:
        return False
    if any(guard.duty in {"access", "signature", "role"} for guard in route.guards):
        return False
    return not purposes(route) & PUBLIC_BY_NATURE


def _about(route: Route) -> str:
    """What its answer says about people or money, by fields and records."""
    handler = route.handler
    for model in models_of(route):
        for owner, field in fields_within(model):
            if PERSONAL.match(field.name) and not _COMPANY.search(owner.short):
                return f"{owner.short}.{field.name}"
    for record in (*records_returned(handler), *models_returned(handler)) if handler is not None else ():
        if record.account or record.personal:
            return record.short
    return ""


def _named(route: Route) -> str:
    """The last word of its path, where that speaks of people, money or messages."""
    if re.search(r"valid|exist|availab|check", f"{route.path} {route.name.rpartition('.')[2]}", re.IGNORECASE):
        return ""  # a form asks whether a name is taken
    words = [w for w in route.path.split("/") if w and not w.startswith("{")]
    return words[-1] if words and _SENSITIVE.match(words[-1]) else ""
