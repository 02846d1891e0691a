"""
## What it looks for
A route that knows who is asking, finds an object by an id that the client sent, and never compares its owner with the
caller.

## Why it matters
Ids are counted up, guessed or shared. Whoever is signed in reads, changes or deletes what belongs to others.

## Bad
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Invoice(Base):
        __tablename__ = "invoices"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int] = mapped_column()

    app = FastAPI()

    def database() -> Session:
        return Session()

    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> int:
        return int(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    @app.get("/invoices/mine")
    def mine(db: Session = Depends(database), user: int = Depends(current_user)) -> list[int]:
        return [one.id for one in db.query(Invoice).filter(Invoice.owner_id == user).limit(10)]

    @app.get("/invoices/{invoice_id}")
    def invoice(invoice_id: int, db: Session = Depends(database), user: int = Depends(current_user)) -> dict[str, int]:
        found = db.get(Invoice, invoice_id)
        return {"id": found.id}

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Invoice(Base):
        __tablename__ = "invoices"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int] = mapped_column()

    app = FastAPI()

    def database() -> Session:
        return Session()

    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> int:
        return int(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    @app.get("/invoices/mine")
    def mine(db: Session = Depends(database), user: int = Depends(current_user)) -> list[int]:
        return [one.id for one in db.query(Invoice).filter(Invoice.owner_id == user).limit(10)]

    @app.get("/invoices/{invoice_id}")
    def invoice(invoice_id: int, db: Session = Depends(database), user: int = Depends(current_user)) -> dict[str, int]:
        found = db.get(Invoice, invoice_id)
        if found is None or found.owner_id != user:
            raise HTTPException(404)
        return {"id": found.id}

## How it is found
The ids among a route's parameters are followed, through the functions it calls, to the query, `get`, statement or dict
that uses them. The class found there says by its columns whether rows belong to somebody. Then the caller is followed in
the same way: a comparison with data, a place in a query, or a service that was made for the caller is an owner test.
Routes behind a role are left out, as is reading what is written to be read (posts, comments, products). Where the project
compares the owner of such rows nowhere, and only notes who made them, members share them: that is left to pedantic readers.

## What it cannot see
Rules that the database enforces by itself, owners found through two tables, and objects named in a body that are not
changed in the handler itself.

## How to tell the checker
Declare a dependency that tests owners under `roles` in `[tool.fastness.check]`, or
`# fastness: ignore[FN203] the reason` on the line of the decorator.

## References
OWASP API1:2023, ASVS 8.2.2, CWE-639
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.asking import Asking
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.lookups import Lookup, Lookups
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.ownership import Sense, accounts_known, ownership
from fastness.checker.evidence.privilege import administrative
from fastness.checker.evidence.purpose import purposes
from fastness.checker.evidence.records import OWNER, Record, records
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_SHARED = re.compile(
    r"post|article|comment|blog|product|review|tweet|news|story|stories|question|answer|recipe|event|categor|tag|media|movie|book|song|tutorial|course"
    r"|vote|follow|like|bookmark|feed|listing|job|template|image|video|channel|room|group|project|page",
    re.IGNORECASE,
)  # fmt: skip
_TENANT = re.compile(r"\{(organi[sz]ation|org|workspace|tenant|team|project|company)\w*\}", re.IGNORECASE)
"""Paths inside a group whose members share what they have."""
_ABOVE = re.compile(r"super_?admin|super_?user|(^|[_ .])(admin|staff|moderator)(_|\b)", re.IGNORECASE)
"""Guards whose own name says that they let only those pass who may touch everybody's things."""
_PRIVATE = re.compile(
    r"order|invoice|payment|account|transaction|wallet|card|message|document|note|todo|task|address|ticket|report|record|booking|reservation"
    r"|subscription|cart|receipt|prescription|medical|loan|statement|secret|token|api_?key|credential|session",
    re.IGNORECASE,
)  # fmt: skip


class ObjectWithoutOwnerTest(Rule):
    """An object of somebody else, for everybody who is signed in."""

    id, name, control, severity = "FN203", "object-without-owner-test", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API1:2023",), ("8.2.2",), (639,), (2,)
    why = "whoever is signed in reaches other people's objects by trying ids"
    fix = "make the caller a part of the query (where(Item.owner_id == user.id)), or compare the owner and answer 404"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            finding = self._judged(route)
            if finding is not None:
                yield finding

    def _judged(self, route: Route) -> Finding | None:
        handler = route.handler
        if handler is None or route.kind != "http" or not _asked(route):
            return None
        asking = handler.project.once(Asking)
        for lookup in Lookups(handler.project).of(route):
            owned = _owned(lookup, route, handler)
            if owned is None:
                continue
            if _tested(asking, handler, route):
                return None
            what, sense = owned
            shared = not route.writes and bool(_SHARED.search(what))
            noted = sense == "noted" and not _TENANT.search(route.path) and handler.project.once(accounts_known)
            private = sense == "compared" or noted
            verb = "changes" if route.writes else "reads"
            return self.found(
                route.place,
                f"{route} {verb} {what} by {lookup.key} and never asks whose it is",
                route=route,
                subject=f"{route.name} {what}",
                confidence=Confidence.HIGH if sense == "compared" else Confidence.MEDIUM if private else Confidence.LOW,
                persona=Persona.REGULAR if private and not shared else Persona.PEDANTIC,
            )
        return self._named_in_body(route, handler, asking) if route.writes and not purposes(route) else None

    def _named_in_body(self, route: Route, handler: Function, asking: Asking) -> Finding | None:
        """An account, or what belongs to one, that the body names and the handler changes."""
        for lookup, field in Lookups(handler.project).named_in_body(route):
            owned = _owned(lookup, route, handler)
            if owned is None or _tested(asking, handler, route) or _proved(handler):
                continue
            return self.found(
                route.place,
                f"{route} changes {owned[0]} by {field} and never asks whose it is",
                route=route,
                subject=f"{route.name} {owned[0]}",
                confidence=Confidence.MEDIUM,
                persona=Persona.REGULAR if owned[1] == "compared" else Persona.PEDANTIC,
            )
        return None


def _asked(route: Route) -> bool:
    """Whether it is for people who are signed in, all of them alike."""
    if route.public is not None or route.development or not route.guarded("access"):
        return False
    if administrative(route):
        return False
    if any(_ABOVE.search(guard.how) for guard in route.guards):
        return False
    return not (route.guarded("role") or route.guarded("owner") or route.guarded("signature"))


def _proved(handler: Function) -> bool:
    """Whether a password or token of the object itself is verified: whoever knows that is its owner."""
    return any(re.search(r"verif|check_?p|authenticat|compare_digest|decode", c.name) for c in handler.calls())


def _tested(asking: Asking, handler: Function, route: Route) -> bool:
    if asking.meets(handler, asking.held(handler)):
        return True
    paths = {p.name for p in route.parameters if p.source == "path"}
    for dependency in route.dependencies:
        # A dependency that takes the same id, or that a service comes from, may test it there.
        names = {a.arg for a in dependency.parameters}
        if names & paths and asking.meets(dependency, asking.held(dependency)):
            return True
    return False


def _owned(lookup: Lookup, route: Route, handler: Function) -> tuple[str, Sense] | None:
    """What is looked up, when it belongs to somebody; and how seriously the project takes that."""
    record = lookup.record or _guessed(lookup)
    if record is not None:
        if record.account:
            return (record.short, "compared") if route.writes else None
        if not record.owner or OWNER.match(lookup.key):
            return None
        modules = frozenset({handler.module.path, lookup.function.module.path})
        sense = handler.project.once(ownership).of(record, modules)
        if (
            sense == "nowhere"
            and _PRIVATE.search(record.short)
            and re.match(r"user|owner|customer|account", record.owner)
        ):
            sense = "noted"
        return record.short, sense
    if lookup.test:
        if any(OWNER.match(word) for word in re.findall(r"[a-z_]+", lookup.test.lower())):
            return None
        return (lookup.table, "noted") if _PRIVATE.search(lookup.table) else None
    return (lookup.table, "noted") if lookup.table and _PRIVATE.search(f"{lookup.table} {lookup.key}") else None


def _guessed(lookup: Lookup) -> Record | None:
    """The record class that an id is named after: `order_id`, Order."""
    word = re.sub(r"_?(id|uuid|pk|guid)$", "", lookup.key, flags=re.IGNORECASE).replace("_", "").lower()
    table = lookup.table.lower().rstrip("s").replace("_", "")
    for record in records(lookup.function.project):
        if record.short.lower() in {word, table} - {""}:
            return record
    return None
