"""
## What it looks for
A route that sets a password without asking for at least eight characters.

## Why it matters
Short passwords are the first that are guessed. Length is the one rule that helps; character classes are none.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class Registration(BaseModel):
        email: str
        password: str

    @app.post("/register", status_code=202)
    async def register(given: Registration) -> None:
        print(f"welcome, {given.email}")

## Good
    from fastapi import FastAPI
    from pydantic import BaseModel, Field

    app = FastAPI()

    class Registration(BaseModel):
        email: str
        password: str = Field(min_length=15, max_length=128)

    @app.post("/register", status_code=202)
    async def register(given: Registration) -> None:
        print(f"welcome, {given.email}")

## How it is found
Routes that make accounts or change passwords are read with their models, forms and parameters. A bound, a pattern with a
count, a validator, a type of your own, a test of the length in the handler or what it calls, or a call that is named after
the strength of a password counts. Fields of sign-in forms are left alone. A maximum under 64 is told to pedantic readers.

## What it cannot see
A rule that another service enforces.

## How to tell the checker
`# fastness: ignore[FN134] the reason` on the line of the field.

## References
OWASP API2:2023, ASVS 6.2.1 and 6.2.9, CWE-521, NIST SP 800-63B-4 section 3.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.classes import Field, Model
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application, Parameter, Route
from fastness.checker.evidence.passwords import is_new, lengths, sets_password
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.written import written
from fastness.checker.finding import Finding, Persona, Place, Severity
from fastness.checker.rule import Rule

SHORTEST = 8
LONGEST = 64
_PLAIN = re.compile(r"^(typing\.)?(str|bytes|pydantic\.SecretStr|SecretStr|SecretBytes|constr\(.*\)|Any|)$", re.DOTALL)
_STRENGTH = re.compile(
    r"(valid\w*|strength|strong|policy|polic\w*|complex\w*|check|weak|common|pwned|breach\w*|enforce\w*|require\w*)_?\w*(password|passwd|pwd)"
    r"|(password|passwd|pwd)_?\w*(valid|strength|strong|polic|complex|weak|requirement|rule|criteria)|zxcvbn|pwned",
    re.IGNORECASE,
)
_VERIFIES = re.compile(r"check_?password(_hash)?$|validate_?password_?hash|verify", re.IGNORECASE)
_COUNT = re.compile(r"\{(\d+),?\d*\}")


class WeakPassword(Rule):
    """A new password of any length."""

    id, name, control, severity = "FN134", "weak-password", "passwords", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API2:2023",), ("6.2.1", "6.2.9"), (521,), (1, 3)
    why = "short passwords are guessed first"
    fix = "ask for 15 characters, or 8 beside a second factor, and allow at least 64"

    def inspect(self, application: Application) -> Iterator[Finding]:
        told: set[Place] = set()
        for route in application.routes:
            if not sets_password(route) or route.handler is None:
                continue
            tested = _tested(route)
            for place, what, low, high in _inputs(route):
                least = max([low, *tested])
                if place in told:
                    continue
                told.add(place)
                if least < SHORTEST:
                    how = f"a new password of {least} characters" if least > 1 else "a new password of any length"
                    yield self.found(place, f"{route} accepts {how}", route=route, subject=f"{route} {what}")
                elif high is not None and high < LONGEST:
                    text = f"{route} refuses passwords of more than {high} characters"
                    yield self.found(place, text, route=route, subject=f"{route} {what}", persona=Persona.PEDANTIC)

    def read(self, project: Project) -> Iterator[Finding]:
        for manager in project.classes("fastapi_users.BaseUserManager", "BaseUserManager"):
            if manager.method("validate_password") is None:
                place = Place(manager.place.path, manager.node.lineno, manager.node.lineno)
                yield self.found(place, f"{manager.short} accepts a new password of any length", subject=manager.name)


def _inputs(route: Route) -> Iterator[tuple[Place, str, int, int | None]]:
    """Place, name, minimum and maximum of every new password that a route takes."""
    form = route.handler is not None and "OAuth2PasswordRequestForm" in written(route.handler.node.args)
    for parameter in route.parameters:
        if parameter.model is not None:
            for field in _fields(parameter.model, 0):
                if is_new(field.name) and not _own_type(field):
                    low, high = _bounds(field.bounds)
                    yield field.place, field.name, max([low, *_validated(parameter.model, field)]), high
        elif _taken(parameter, form=form):
            low, high = _bounds(parameter.bounds)
            yield _place(parameter, route), parameter.name, low, high
    if form:
        yield route.place, "password", 0, None


def _taken(parameter: Parameter, *, form: bool) -> bool:
    """Whether a parameter of its own takes the new password; FastAPI's password form is judged as a whole."""
    if not is_new(parameter.name) or not _PLAIN.match(parameter.annotation) or (form and parameter.name == "password"):
        return False
    return parameter.source in {"form", "query", "body", "path"}


def _fields(model: Model, deep: int) -> Iterator[Field]:
    for field in model.fields:
        yield field
        if deep < 2:  # noqa: PLR2004 - {"user": {"password": ...}} is as deep as bodies go
            for inner in field.models:
                yield from _fields(inner, deep + 1)


def _place(parameter: Parameter, route: Route) -> Place:
    return parameter.place or route.place


def _own_type(field: Field) -> bool:
    """A type that is not plain text tests by itself: a class, or `Annotated[str, AfterValidator(...)]`."""
    if not _PLAIN.match(field.annotation) and not field.annotation.endswith("None"):
        return True
    return field.owner.project.annotations.by(
        field.typed, "AfterValidator", "BeforeValidator", "WrapValidator", "StringConstraints"
    ) is not None and (field.bound("min_length") is None)


def _bounds(bounds: tuple[tuple[str, object], ...]) -> tuple[int, int | None]:
    low, high = 0, None
    for key, value in bounds:
        if key == "min_length":
            low = value if isinstance(value, int) else SHORTEST
        elif key == "max_length":
            high = value if isinstance(value, int) else None
        elif key in {"pattern", "regex"}:
            counts = [int(n) for n in _COUNT.findall(value)] if isinstance(value, str) else [SHORTEST]
            low = max([low, *counts])
    return low, high


def _validated(model: Model, field: Field) -> Iterator[int]:
    """What the validators of a field ask for."""
    holder = field.owner if isinstance(field.owner, Model) else model
    for owner in {id(model.scope): model, id(holder.scope): holder}.values():
        for validator in owner.validators(field.name):
            yield from _asked(validator)


def _tested(route: Route) -> list[int]:
    """What the handler and what it calls ask of a password."""
    handler = route.handler
    if handler is None:
        return []
    found: list[int] = []
    for function in handler.reaches(3):
        names = [call.name for call in function.calls()]
        found.extend(SHORTEST for name in names if _STRENGTH.search(name) and not _VERIFIES.search(name))
        if "len" in function.project.words(function.scope).split() and function.mentions("password", "passwd", "pwd"):
            found.extend(n for n in lengths(function) if n > 1)
    return found


def _asked(validator: Function) -> Iterator[int]:
    counted = False
    for function in validator.reaches(2):
        for number in lengths(function):
            counted = True
            yield number
        for call in function.calls():
            if call.target is None and _STRENGTH.search(call.name):
                counted = True
                yield SHORTEST
            elif call.name.rpartition(".")[2] in {"match", "fullmatch", "search"}:
                numbers = [int(n) for n in _COUNT.findall(call.value(0).text)]
                yield max(numbers, default=0)
    if not counted and validator.mentions("min_length", "password_policy", "min_password", "minimum"):
        yield SHORTEST
