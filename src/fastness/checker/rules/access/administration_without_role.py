"""
## What it looks for
A route that its own path, tag or name calls administrative, or that changes what another route keeps for a role, and that
asks for no role.

## Why it matters
Any account will do, or none: the first person who tries `/admin` runs the site.

## Bad
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    users = {1: {"name": "ada", "is_admin": True}}
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> str:
        return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    @app.delete("/admin/users/{user_id}")
    def remove(user_id: int, user: str = Depends(current_user)) -> None:
        users.pop(user_id)

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    users = {1: "ada"}
    roles = {"ada": "admin"}
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> str:
        return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    def administrator(user: str = Depends(current_user)) -> str:
        if roles[user] != "admin":
            raise HTTPException(403)
        return user

    @app.delete("/admin/users/{user_id}")
    def remove(user_id: int, user: str = Depends(administrator)) -> None:
        users.pop(user_id)

## How it is found
Routes whose path, tags or handler's name hold the word are asked for a role test: in a dependency, its factory or class,
scopes, a decorator, or the handler's body. Routes that change something and that nobody guards at all are FN101's. And a
route that changes or removes a shared record for everybody who is signed in is found where another route asks for a role
to do no more than that to the same kind of record.

## What it cannot see
Power that the path does not speak of, and role tests that a gateway does.

## How to tell the checker
Name your dependency under `roles` in `[tool.fastness.check]`, or `# fastness: ignore[FN201] the reason` on the line of the
decorator.

## References
OWASP API5:2023, ASVS 8.2.1, CWE-862
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.asking import Asking
from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application, Duty, Route
from fastness.checker.evidence.nature import Natures
from fastness.checker.evidence.privilege import administrative, roles_known
from fastness.checker.evidence.records import Record
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.stored import reads
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_DOOR = re.compile(
    r"log_?-?in|sign_?-?in|log_?-?out|regist|sign_?-?up|token|password|auth|health|setup|bootstrap|first|init",
    re.IGNORECASE,
)


_DUTIES: tuple[Duty, ...] = ("role", "signature", "owner")


class AdministrationWithoutRole(Rule):
    """An administrator's route that anybody with an account may call."""

    id, name, control, severity = "FN201", "administration-without-role", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API5:2023",), ("8.2.1",), (862, 285), (2,)
    why = "any account does what only administrators may do"
    fix = "ask for the role: Depends(require('admin')), or a dependency that tests it and answers 403"

    def inspect(self, application: Application) -> Iterator[Finding]:
        yield from self._beside(application)
        knows = any(route.guarded("role") for route in application.routes)
        for route in application.routes:
            word = administrative(route)
            if not word or not _wanting(route):
                continue
            if not knows and not _roles(route):
                continue  # one credential for all, or none: nobody is more than another
            signed_in = route.guarded("access")
            who = "every account passes" if signed_in else "nobody is asked who they are"
            yield self.found(
                route.place,
                f"{route} is for {word}, and {who}",
                route=route,
                subject=route.name,
                confidence=Confidence.HIGH if signed_in else Confidence.MEDIUM,
            )

    def _beside(self, application: Application) -> Iterator[Finding]:
        """Things that only a role may make or change, and that this route changes for everybody who is signed in."""
        kept = [
            (route, _changed(route))
            for route in application.routes
            if route.writes and route.guarded("role") and not route.development
        ]
        for route in application.routes if kept else ():
            # Adding is what members are for; changing or removing what everybody sees is not.
            strong = route.methods & {"DELETE", "PUT", "PATCH"} and route.guarded("access")
            if administrative(route) or not strong or not _wanting(route):
                continue
            changed = _changed(route) if not _asks_whose(route) else None
            other = next((r for r, what in kept if what == changed and _rank(r) <= _rank(route)), None)
            if other is not None and changed is not None:
                yield self.found(
                    route.place,
                    f"{route} changes {changed}, and every account passes; {other} asks for a role",
                    route=route,
                    subject=f"{route.name} {changed}",
                    confidence=Confidence.MEDIUM,
                )


def _rank(route: Route) -> int:
    """How much a method can do: whoever may add a thing need not be allowed to remove it."""
    return 3 if "DELETE" in route.methods else 2 if route.methods & {"PUT", "PATCH"} else 1


def _changed(route: Route) -> str | None:
    """The shared thing that a route makes, changes or removes: a record that belongs to nobody, under one path."""
    handler = route.handler
    base = re.sub(r"/?\{[^}]*\}.*$", "", route.path).rstrip("/").rpartition("/")[2]
    if handler is None or not base or not effects(handler):
        return None
    for one in handler.reaches(2):
        for scope in one.scope.within():
            for node in scope.calls:
                for part in (node.func, *node.args):
                    record = _record(one, part)
                    if record is not None and not record.owner and not record.account:
                        return record.short
    return None


def _record(function: Function, part: ast.expr) -> Record | None:
    if not isinstance(part, (ast.Name, ast.Attribute)):
        return None
    found = function.project.names.resolve(function.scope, part)
    return Record.behind(function.project, found) if isinstance(found, Scope) else None


def _asks_whose(route: Route) -> bool:
    handler = route.handler
    if handler is None:
        return True
    asking = handler.project.once(Asking)
    return asking.meets(handler, asking.held(handler))


def _wanting(route: Route) -> bool:
    if route.kind != "http" or route.public is not None or route.development:
        return False
    if any(route.guarded(duty) for duty in _DUTIES) or any(administrative_guard(guard.how) for guard in route.guards):
        return False
    if not route.guarded("access") and (route.writes or not route.placed):
        return False
    doors = (route.path.rstrip("/").rpartition("/")[2], route.name.rpartition(".")[2])
    if any(_DOOR.search(word) for word in doors):
        return False
    return (route.guarded("access") or _does_something(route)) and not _role_in_body(route)


def administrative_guard(how: str) -> bool:
    """Whether a guard's own words say that it lets only few pass: a key or token that administrators hold."""
    return (
        re.search(
            r"admin|superuser|super_user|staff|master|internal|basic|api_?key|operator|role|permission|scope",
            how,
            re.IGNORECASE,
        )
        is not None
    )


def _roles(route: Route) -> bool:
    """Whether the project's accounts differ in power at all."""
    return route.handler is not None and route.handler.project.once(roles_known)


def _does_something(route: Route) -> bool:
    return route.handler is not None and (reads(route.handler) or bool(effects(route.handler)))


def _role_in_body(route: Route) -> bool:
    handler = route.handler
    if handler is None:
        return True
    natures = Natures(handler.project)
    return any(natures.of(function).role for function in handler.reaches(2))
