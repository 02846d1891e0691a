"""Classes whose objects a store keeps, and what their columns say: who owns a row, what in it is secret or personal."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.classes import Class
from fastness.checker.evidence.scope import Assignment, Scope
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_BASES = (
    "sqlalchemy.orm.DeclarativeBase", "DeclarativeBase", "sqlalchemy.orm.declarative_base()", "declarative_base()",
    "beanie.Document", "mongoengine.Document", "odmantic.Model", "tortoise.models.Model", "tortoise.Model", "peewee.Model",
    "ormar.Model", "MappedAsDataclass",
)  # fmt: skip
_COLUMN = re.compile(
    r"(^|\.)(Column|mapped_column|Field|relationship|Relationship|\w+Field|ForeignKey\w*|Indexed|deferred)$"
)
OWNER = re.compile(
    r"^(user|owner|author|creator|customer|account|member|buyer|seller|patient|employee|student|sender|recipient|uploader"
    r"|requester|holder|person|client|profile)(_?id|_?uuid|_?pk|_?email|_?name)?$|^(created|owned|posted|uploaded|submitted)_by(_id)?$",
    re.IGNORECASE,
)  # fmt: skip
SECRET = re.compile(
    r"(^|_)(password|passwd|pwd|passphrase|pass_hash|pw_hash)(_?(hash|hashed|digest|salt|encrypted))?$|^(hashed|encrypted|hash)_?(password|passwd|pwd)$"
    r"|(^|_)(totp|otp|mfa|two_factor|2fa)_(secret|seed)$|(^|_)(private_key|api_secret|client_secret|secret_key|webhook_secret|encryption_key)$"
    r"|^salt$|^(reset|recovery|verification|activation|confirmation)_(token|code)$",
    re.IGNORECASE,
)  # fmt: skip
_ACCOUNT = re.compile(r"user|account|member|customer|person|admin|profile|employee|patient", re.IGNORECASE)
PERSONAL = re.compile(
    r"^(e_?mail(_address)?|phone(_number)?|mobile|address|street|ssn|iban|birth_?(day|date)|date_of_birth|dob|salary|balance|card_number|passport\w*|tax_id)$",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One class whose objects a store keeps."""

    of: Class

    @classmethod
    def behind(cls, project: Project, scope: Scope | None) -> Record | None:
        """The record that a class's scope is, or None."""
        if scope is None or scope.kind != "class":
            return None
        found = project.class_of(scope)
        return cls(found) if is_record(found) else None

    @property
    def short(self) -> str:
        """The class's name without its modules."""
        return self.of.short

    def columns(self) -> Iterator[tuple[str, Assignment, Class]]:
        """Its columns, nearest declaration first."""
        seen: set[str] = set()
        for cls in self.of.lineage():
            for name, assignments in cls.scope.assigned.items():
                if (
                    name not in seen
                    and not name.startswith("_")
                    and "." not in name
                    and _is_column(cls, assignments[-1])
                ):
                    seen.add(name)
                    yield name, assignments[-1], cls

    @property
    def owner(self) -> str:
        """The column that says whose row it is, or nothing."""
        by_name = [name for name, _, _ in self.columns() if OWNER.match(name)]
        if by_name:
            return by_name[0]
        for name, assignment, _ in self.columns():
            value = written(assignment.value) if assignment.value is not None else ""
            if re.search(r"ForeignKey\w*\(['\"](users?|accounts?|members?|customers?|auth_user|persons?)\.", value):
                return name
        return ""

    @property
    def account(self) -> bool:
        """Whether its rows are the people who sign in."""
        names = {name.lower() for name, _, _ in self.columns()}
        return (
            any(SECRET.search(n) for n in names)
            and bool(names & {"email", "mail", "e_mail", "username", "login", "user_name", "phone", "nickname"})
        ) or (bool(_ACCOUNT.search(self.short)) and bool(names & {"email", "username"}))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Columns that nobody outside may read."""
        return tuple(name for name, _, _ in self.columns() if SECRET.search(name))

    @property
    def personal(self) -> tuple[str, ...]:
        """Columns about a person."""
        return tuple(name for name, _, _ in self.columns() if PERSONAL.match(name))


def is_record(cls: Class) -> bool:
    """Whether a store keeps the objects of a class: it says so itself, or one of its bases does."""
    if cls.is_a("SQLModel"):
        return any(k.arg == "table" for c in cls.lineage() for k in c.node.keywords)
    if cls.is_a(*_BASES):
        return True
    return any("__tablename__" in c.scope.assigned or "__table__" in c.scope.assigned for c in cls.lineage())


def records(project: Project) -> Iterator[Record]:
    """Every record class of the project."""
    for cls in project.classes():
        if is_record(cls):
            yield Record(cls)


def _is_column(cls: Class, assignment: Assignment) -> bool:
    if assignment.annotation is not None:
        return "ClassVar" not in written(assignment.annotation)
    value = assignment.value
    return isinstance(value, ast.Call) and bool(_COLUMN.search(cls.project.names.dotted(cls.scope, value.func)))
