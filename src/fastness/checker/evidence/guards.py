"""How a route is protected: the forms that real applications use, each recognised by what the code does.

A dependency, decorator, middleware or call guards when it obtains a credential and stops whoever has none. A security
scheme alone does not: it reads a header and verifies nothing. Names decide only for code that is not in the project.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fastness.checker.evidence.depending import Dependency, Depending
from fastness.checker.evidence.found import matches
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.model import Duty, Guard
from fastness.checker.evidence.nature import Nature
from fastness.checker.evidence.spelling import short
from fastness.checker.evidence.verdicts import AUTH, LIMITS, OPEN, ROLES, SIGNED, Verdict, Verdicts
from fastness.checker.evidence.written import written
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 6
_CALLED = re.compile(
    r"(^|\.)(jwt_required|fresh_jwt_required|jwt_refresh_token_required|login_required|get_current_user|verify_(token|jwt|auth\w*|api_key|access_token))$",
)
_AUTH_CALL = re.compile(
    r"(^|[._])(authenticate|authorize|authenticate_or_raise|authorize_or_raise|authenticate_request)$", re.IGNORECASE
)


class Guards:
    """Finds guards."""

    def __init__(self, project: Project, depending: Depending) -> None:
        self._project = project
        self._depending = depending
        self.verdicts = Verdicts(project, depending)
        self.natures = self.verdicts.natures

    def of_dependency(self, dependency: Dependency, deep: int = 0) -> list[Guard]:
        """The guards that one dependency, its sub-dependencies included, puts before a route."""
        guards: list[Guard] = []
        place = self._project.place(dependency.scope, dependency.call) if dependency.call is not None else None
        name = dependency.name
        how = f"dependency {short(name)}"
        guards.extend(Guard(duty, f"{how}, declared", place) for duty in self._declared(dependency.names))
        guards.extend(Guard(duty, f"{how} says provides", place) for duty in self._provided(dependency))
        for function in dependency.functions:
            verdict = self.verdicts.of(function)
            if any(OPEN.search(n.rpartition(".")[2]) for n in dependency.names):
                verdict = replace(verdict, stops=False, optional=verdict.stops or verdict.optional)
            guards.extend(self._spoken(verdict, how, place))
        for function in dependency.factory:
            nature = self.natures.of(function)
            if nature.role and any(g.duty == "access" for g in guards):
                guards.append(Guard("role", f"{how} tests {nature.role}", place))
            guards.extend(
                g
                for sub in self._depending.of(function)
                for g in (self.of_dependency(sub, deep + 1) if deep < DEEP else ())
            )
        if dependency.scopes and any(g.duty == "access" for g in guards):
            guards.append(Guard("role", f"scopes {', '.join(dependency.scopes)}", place))
        guards.extend(self.verdicts.outside(dependency, how))
        return _unique(guards)

    def _provided(self, dependency: Dependency) -> Iterator[Duty]:
        """What Fastness's `@provides("access")` says of a dependency's function or of the class that it is a method of."""
        for function in (*dependency.functions, *dependency.factory):
            owner = function.owner
            nodes = [(function.scope, d) for d in function.node.decorator_list]
            nodes += [(owner.scope, d) for d in owner.node.decorator_list] if owner is not None else []
            for scope, decorator in nodes:
                outside = scope.parent or scope
                if isinstance(decorator, ast.Call) and matches(
                    self._project.names.dotted(outside, decorator.func),
                    ("fastness.provides", "fastness.core.declare.provides"),
                ):
                    for argument in decorator.args:
                        word = self._project.value(outside, argument).text
                        if word in {"access", "limits", "csrf"}:
                            yield word  # type: ignore[misc]

    def _declared(self, names: tuple[str, ...]) -> Iterator[Duty]:
        intent = self._project.intent
        for duty, declared in (("access", intent.access), ("role", intent.roles), ("limits", intent.limiters)):
            if any(matches(n, declared) for n in names):
                yield duty  # type: ignore[misc]
        if (
            intent.roles
            and any(matches(n, intent.roles) for n in names)
            and not any(matches(n, intent.access) for n in names)
        ):
            yield "access"

    @staticmethod
    def _spoken(verdict: Verdict, how: str, place: Place | None) -> Iterator[Guard]:
        if verdict.stops:
            yield Guard("access", f"{how} ({verdict.credential})", place)
        elif verdict.optional:
            yield Guard("access", f"{how} ({verdict.credential})", place, optional=True)
        if verdict.role and (verdict.stops or verdict.optional):
            yield Guard("role", f"{how} tests {verdict.role}", place)
        if verdict.limits:
            yield Guard("limits", f"{how} ({short(verdict.limits)})", place)
        if verdict.signature:
            yield Guard("signature", how, place)

    def around(self, handler: Function | None, dependencies: list[Dependency]) -> list[Guard]:
        """The guards of a route: those of its dependencies, then those in its handler's body and decorators."""
        guards = [g for dependency in dependencies for g in self.of_dependency(dependency)]
        return [*guards, *self.of_handler(handler, guards)] if handler is not None else guards

    def of_handler(self, handler: Function, dependencies: list[Guard]) -> list[Guard]:
        """The guards in a handler's own body and decorators."""
        guards = list(self._decorators(handler))
        nature = self.natures.of(handler)
        place = handler.place
        optional = any(g.duty == "access" and g.optional for g in dependencies)
        if nature.credential and (nature.denies or nature.decodes) and not nature.lenient:
            guards.append(Guard("access", f"check in the handler's body ({nature.credential})", place))
        elif optional and nature.denies:
            guards.append(Guard("access", "optional user tested in the handler's body", place))
        elif nature.body_token and (nature.decodes or nature.refuses):
            guards.append(Guard("signature", f"{nature.body_token} tested in the handler's body", place))
        for call in handler.calls():
            guards.extend(self._call_in_body(call, nature))
        if nature.role and nature.refuses:
            guards.append(Guard("role", f"{nature.role} tested in the handler's body", place))
        if nature.limits:
            guards.append(Guard("limits", f"{short(nature.limits)} in the handler's body", place))
        return _unique(guards)

    def _call_in_body(self, call: Call, nature: Nature) -> Iterator[Guard]:
        where, target, name = call.place, call.target, call.name
        if SIGNED.search(name) and (nature.refuses or "construct_event" in name):
            yield Guard("signature", f"call of {short(name)}", where)
        if target is None:
            if _CALLED.search(name) or (_AUTH_CALL.search(name) and self._hands_over(call)):
                yield Guard("access", f"call of {short(name)}", where)
            return
        verdict, own = self.verdicts.of(target), self.natures.of(target)
        # A helper that reads the credential and gives None, and a handler that then refuses, guard together.
        together = bool(verdict.credential) and nature.denies
        if verdict.stops or together or (self._hands_over(call) and self._asks(target)):
            yield Guard("access", f"call of {target.short} ({verdict.credential or 'it is given the request'})", where)
        elif own.body_token and (own.refuses or own.decodes):
            duty: Duty = "access" if nature.credential else "signature"
            yield Guard(duty, f"call of {target.short} ({own.body_token})", where)
        if verdict.role:
            yield Guard("role", f"call of {target.short} tests {verdict.role}", where)
        if verdict.limits:
            yield Guard("limits", f"call of {target.short}", where)
        if verdict.signature:
            yield Guard("signature", f"call of {target.short}", where)

    def _hands_over(self, call: Call) -> bool:
        """Whether a call is given the request, its headers, cookies or session."""
        for argument in (*call.node.args, *(k.value for k in call.node.keywords)):
            text = written(argument)
            if re.search(r"\.(headers|cookies|session)$|^(headers|cookies)$", text) or self._project.flow.is_request(
                call.scope, argument
            ):
                return True
        return False

    def _asks(self, target: Function) -> bool:
        """Whether a function, or what it calls, answers 401, or hands the credential to something that authenticates."""
        for one in target.reaches(2):
            if self.natures.of(one).asks or any(_AUTH_CALL.search(c.name) for c in one.calls()):
                return True
        return False

    def _decorators(self, handler: Function) -> Iterator[Guard]:
        outside = handler.scope.parent or handler.scope
        for name, expr in handler.decorators:
            place = self._project.place(outside, expr)
            last = name.rpartition(".")[2]
            how = f"decorator {short(name)}"
            for duty in self._declared((name,)):
                yield Guard(duty, f"{how}, declared", place)
            if last in {"get", "post", "put", "patch", "delete", "websocket", "api_route", "route"}:
                continue
            if name.endswith("starlette.authentication.requires") or last == "requires":
                scopes = (
                    [v.text for v in self._project.call_of(outside, expr).value(0).choices()]
                    if isinstance(expr, ast.Call)
                    else []
                )
                yield Guard("access", how, place)
                if scopes and scopes != ["authenticated"]:
                    yield Guard("role", f"{how} {scopes}", place)
                continue
            if LIMITS.search(name) or (last in {"limit", "shared_limit"} and "limit" in name.lower()):
                yield Guard("limits", how, place)
                continue
            yield from self._decorator(name, expr, how, handler)

    def _decorator(self, name: str, expr: ast.expr, how: str, handler: Function) -> Iterator[Guard]:
        outside = handler.scope.parent or handler.scope
        place = self._project.place(outside, expr)
        made = self._depending.callable(outside, expr)
        functions = [*made.functions, *made.factory]
        for function in functions:
            verdict, nature = self.verdicts.of(function), self.natures.of(function)
            if verdict.stops or (verdict.credential and nature.denies) or (nature.denies and AUTH.search(name)):
                yield Guard("access", how, place)
            if verdict.role or nature.role:
                yield Guard("role", how, place)
            if verdict.limits:
                yield Guard("limits", how, place)
        if not functions and not self.verdicts.owned(name) and AUTH.search(name):
            yield Guard("access", f"{how}, outside the project", place)
            if ROLES.search(name):
                yield Guard("role", how, place)


def _unique(guards: list[Guard]) -> list[Guard]:
    seen: dict[tuple[str, str, bool], Guard] = {}
    for guard in guards:
        seen.setdefault((guard.duty, guard.how, guard.optional), guard)
    return list(seen.values())
