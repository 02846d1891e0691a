"""Sign-in and forgotten passwords that tell strangers whether an account exists, by status, text or time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.purpose import purposes, takes_password
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Place

_VERIFIES = re.compile(
    r"verif|check_?pass|checkpw|compare|authenticat|match|is_correct|valid(ate)?_?pass|test_?pass", re.IGNORECASE
)
_ABSENT_TEXT = re.compile(
    r"(user|account|e-?mail|username|phone|login|member|customer)\b.{0,30}(not (found|exist|registered|known)|does ?n.?.?t exist|do(es)? not exist|unknown|is not registered)"
    r"|no (such )?(user|account)|unknown (user|account|e-?mail)|(not registered|(in|not )valid (user ?name|e-?mail)$|^(incorrect|wrong|invalid) (user ?name|e-?mail)( address)?[.!]?$)",
    re.IGNORECASE,
)
_DECOY = re.compile(r"dummy|decoy|fake|timing|constant_time|nobody|burn", re.IGNORECASE)
_REFUSING = range(400, 429)
"""Statuses that say no to this request, and not that there were too many."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One way in which a route tells."""

    route: Route
    place: Place
    how: Literal["status", "text", "time"]


@dataclass(frozen=True, slots=True, eq=False)
class _Refusal:
    node: ast.AST
    function: Function
    status: object
    text: str
    why: Literal["absent", "wrong", "both", "other"]


def telling(application: Application) -> Iterator[Told]:
    """The routes of an application that tell; once for each."""
    for route in application.routes:
        if route.handler is None or route.kind != "http" or route.guarded("access") or not route.writes:
            continue
        known = purposes(route)
        if "login" in known and not known & {"register", "reset"} and takes_password(route):
            told = _sign_in(route, route.handler)
        elif "forgot" in known and "reset" not in known:
            told = _forgotten(route, route.handler)
        else:
            continue
        if told is not None:
            yield told


def _sign_in(route: Route, handler: Function) -> Told | None:
    refusals = [r for one in handler.reaches(2) for r in _refusals(one)]
    wrong = {(r.status, r.text) for r in refusals if r.why == "wrong"}
    for refusal in refusals:
        if refusal.why != "absent":
            continue
        if refusal.text and _ABSENT_TEXT.search(refusal.text):
            return Told(route, refusal.function.project.place(refusal.function.scope, refusal.node), "text")
        if wrong and (refusal.status, refusal.text) not in wrong and (refusal.text or refusal.status is not None):
            how: Literal["status", "text"] = (
                "status" if all(refusal.status != status for status, _ in wrong) else "text"
            )
            return Told(route, refusal.function.project.place(refusal.function.scope, refusal.node), how)
    for one in handler.reaches(2):
        place = _without_decoy(one)
        if place is not None:
            return Told(route, place, "time")
    return None


def _forgotten(route: Route, handler: Function) -> Told | None:
    for refusal in _refusals(handler):
        # Whoever has an account is answered with success: an error for all others tells, whatever it says.
        fails = isinstance(refusal.node, ast.Raise) and (refusal.status is None or refusal.status in _REFUSING)
        if refusal.why == "absent" and (fails or _ABSENT_TEXT.search(refusal.text)):
            return Told(route, handler.project.place(handler.scope, refusal.node), "status" if fails else "text")
    return None


def _refusals(function: Function) -> Iterator[_Refusal]:
    for test in function.nodes(ast.If):
        why = _why(function, test.test)
        for statement in test.body:
            raised = (
                statement.exc
                if isinstance(statement, ast.Raise)
                else statement.value
                if isinstance(statement, ast.Return)
                else None
            )
            if isinstance(raised, ast.Name):
                raised = next((a.value for a in function.scope.assigned.get(raised.id, [])), raised)
            if isinstance(raised, ast.Call):
                yield _Refusal(statement, function, *_said(function, raised), why)


def _said(function: Function, raised: ast.Call) -> tuple[object, str]:
    call = function.project.call_of(function.scope, raised)
    status = call.value("status_code", 0)
    named = written(call.arg("status_code", 0) or raised)
    number = status.constant if isinstance(status.constant, int) else None
    found = re.search(r"HTTP_(\d{3})", named)
    if number is None and found is not None:
        number = int(found[1])
    text = call.value("detail", "content", "message", 1).text or next(
        (v.text for v in (function.project.value(function.scope, a) for a in raised.args) if v.text), ""
    )
    return number, text


def _why(function: Function, test: ast.expr) -> Literal["absent", "wrong", "both", "other"]:
    absent = _absent(function, test)
    wrong = (
        any(isinstance(node, ast.Call) and _VERIFIES.search(written(node.func)) for node in walk(test))
        or any(
            isinstance(node, ast.Compare)
            and isinstance(node.ops[0], (ast.Eq, ast.NotEq))
            and "pass" in written(node).lower()
            for node in walk(test)
        )
        or _verified_before(function, test)
    )
    if absent and wrong:
        return "both"
    return "absent" if absent else "wrong" if wrong else "other"


def _absent(function: Function, test: ast.expr) -> bool:
    """`not user`, `user is None`, where `user` was looked up and is no result of a verification; `name not in users`."""
    for node in walk(test):
        name = ""
        match node:
            case ast.Compare(ops=[ast.NotIn()], comparators=[ast.Name() | ast.Attribute() as where]):
                if re.search(r"users|accounts|members", written(where), re.IGNORECASE) or _kept(function, where):
                    return True
            case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name)):
                pass
            case ast.Compare(left=ast.Name(id=name), ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=None)]):
                pass
        if not name:
            continue
        values = [a.value for a in function.scope.assigned.get(name, []) if a.value is not None]
        by_setting = any(re.search(r"\(\s*(settings|config|conf)\.\w+\s*\)", written(v)) for v in values)
        if by_setting or any("create" in written(v) for v in values):
            continue  # the program's own account, or one that is made where there was none
        if values and not any(_VERIFIES.search(written(v)) for v in values) and any(_looked_up(v) for v in values):
            return True
    return False


def _kept(function: Function, where: ast.expr) -> bool:
    """Whether a password is read out of this container below: `store[name].password`."""
    name = written(where)
    return any(written(part.value) == name and _password_of(function, part) for part in function.nodes(ast.Subscript))


def _password_of(function: Function, part: ast.Subscript) -> bool:
    attributes = (n.attr for n in function.nodes(ast.Attribute) if n.value is part)
    keys = (written(n.slice) for n in function.nodes(ast.Subscript) if n.value is part)
    return any("pass" in word.lower() for word in (*attributes, *keys))


def _looked_up(value: ast.expr) -> bool:
    return (
        any(isinstance(n, (ast.Call, ast.Subscript)) for n in walk(value))
        and re.search(
            r"user|account|member|customer|find|query|select|get|first|scalar|fetch", written(value), re.IGNORECASE
        )
        is not None
    )


def _verified_before(function: Function, test: ast.expr) -> bool:
    """`ok = verify(...)`, then `if not ok`."""
    names = {n.id for n in walk(test) if isinstance(n, ast.Name)}
    return any(
        a.value is not None
        and isinstance(a.value, (ast.Call, ast.Await))
        and _VERIFIES.search(written(a.value).partition("(")[0])
        for name in names
        for a in function.scope.assigned.get(name, [])
    )


def _without_decoy(function: Function) -> Place | None:
    """An early end for an unknown name, and a slow verification only below it."""
    if _DECOY.search(function.project.words(function.scope)):
        return None
    verified = [
        c
        for c in function.calls()
        if re.search(r"verify|checkpw|check_password", c.name.rpartition(".")[2], re.IGNORECASE)
    ]
    for test in function.nodes(ast.If):
        ends = any(isinstance(s, (ast.Raise, ast.Return)) for s in test.body)
        later = any(c.node.lineno > (test.body[-1].end_lineno or test.lineno) for c in verified)
        if ends and later and _why(function, test.test) == "absent":
            return function.project.place(function.scope, test)
    return None
