"""
## What it looks for
A password that is stored as it was typed, or compared with one that was.

## Why it matters
Whoever sees the table once - a leaked backup, an injection, an administrator - has everybody's password, here and on other
sites.

## Bad
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]
        password: Mapped[str]

    def register(db: Session, email: str, password: str) -> None:
        db.add(User(email=email, password=password))
        db.commit()

## Good
    from argon2 import PasswordHasher
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    hasher = PasswordHasher()

    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]
        password: Mapped[str]

    def register(db: Session, email: str, password: str) -> None:
        db.add(User(email=email, password=hasher.hash(password)))
        db.commit()

## How it is found
Values named as passwords are followed from the request or the caller into records, SQL, collections and the dicts of small
programs, and into comparisons with what a store holds. A hash on the way, a setter, a `validates` or a column type that
hashes ends the trail.

## What it cannot see
Event listeners of the ORM in other files, and passwords under other names.

## How to tell the checker
`# fastness: ignore[FN131] the reason` on the line.

## References
OWASP API2:2023, ASVS 11.4.2, CWE-256 and CWE-522.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.inserted import inserted
from fastness.checker.evidence.plain import compared, stored
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Place, Severity
from fastness.checker.rule import Rule


class PlainPassword(Rule):
    """Passwords as typed."""

    id, name, control, severity = "FN131", "plain-password", "passwords", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("11.4.2",), (256, 522), (1,)
    why = "whoever sees the table once has everybody's password, here and elsewhere"
    fix = "store argon2id hashes, and compare with the verify of the same library"

    def read(self, project: Project) -> Iterator[Finding]:
        told: set[Place] = set()
        for place, subject in (*stored(project), *inserted(project)):
            if place not in told:
                told.add(place)
                yield self.found(place, "the password is stored as typed", subject=f"{subject} stored")
        for place, subject in compared(project):
            if place not in told:
                told.add(place)
                yield self.found(
                    place, "the password is compared with one stored as typed", subject=f"{subject} compared"
                )
