"""
## What it looks for
An object that is changed, deleted or committed before its owner is compared with the caller.

## Why it matters
The refusal comes after the deed; where nothing is rolled back, the change stays.

## Bad
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    notes: dict[int, dict] = {}

    @app.delete("/notes/{note_id}")
    def remove(note_id: int, user: dict = Depends(current_user)) -> None:
        note = notes.pop(note_id)
        if note["owner"] != user["sub"]:
            raise HTTPException(403)

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    notes: dict[int, dict] = {}

    @app.delete("/notes/{note_id}")
    def remove(note_id: int, user: dict = Depends(current_user)) -> None:
        note = notes[note_id]
        if note["owner"] != user["sub"]:
            raise HTTPException(403)
        del notes[note_id]

## How it is found
In handlers that know the caller, the first statement that stores, deletes or commits is compared with the first test of an owner
that refuses; a test after it counts, unless an earlier one stands before.

## What it cannot see
Deeds inside functions that are not part of the project.

## How to tell the checker
`# fastness: ignore[FN205] the reason` on the line of the decorator.

## References
OWASP API1:2023, ASVS 15.4.2, CWE-696
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.asking import Asking, mentions
from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.records import OWNER
from fastness.checker.evidence.walking import walk
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_DEEDS = frozenset(
    {
        "commit",
        "delete",
        "delete_one",
        "update_one",
        "remove",
        "save",
        "pop",
        "insert_one",
        "unlink",
        "find_one_and_delete",
        "find_one_and_update",
    }
)
_CHANGES = re.compile(r"(update|delete|remove|edit|patch|archive|cancel|set)(_|$)")


class OwnerTestedTooLate(Rule):
    """First the deed, then the question."""

    id, name, control, severity = "FN205", "owner-tested-too-late", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API1:2023",), ("15.4.2",), (696, 639), (2,)
    why = "the change is made before the caller is refused"
    fix = "compare the owner first, then change"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if handler is None or route.kind != "http" or not route.writes:
                continue
            held = handler.project.once(Asking).held(handler)
            tests = sorted(_owner_tests(handler, held))
            deeds = sorted(_deeds(handler))
            if tests and deeds and deeds[0] < tests[0]:
                yield self.found(
                    route.place,
                    f"{route} changes the object before it asks whose it is",
                    route=route,
                    subject=route.name,
                    confidence=Confidence.MEDIUM,
                )


def _owner_tests(handler: Function, held: frozenset[str]) -> Iterator[int]:
    """Lines of tests of an owner that refuse."""
    for node in handler.scope.nodes.get(ast.If, ()):
        if not isinstance(node, ast.If) or not any(isinstance(n, ast.Raise) for s in node.body for n in walk(s)):
            continue
        for part in walk(node.test):
            if isinstance(part, ast.Compare) and mentions(part, held) and any(_owner(n) for n in walk(part)):
                yield node.lineno


def _owner(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return OWNER.match(node.attr) is not None
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and OWNER.match(node.value) is not None


def _deeds(handler: Function) -> Iterator[int]:
    """Lines that change a store, at the handler's own level."""
    for call in handler.scope.calls:
        word = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if (word in _DEEDS and not _temporary(handler, call)) or _does(handler, call):
            yield call.lineno


def _does(handler: Function, call: ast.Call) -> bool:
    """Whether it runs a function of the project that changes the stored object by an id of the path: `posts.update(post_id, ...)`."""
    target = handler.project.call_of(handler.scope, call).target
    if target is None or not _CHANGES.match(target.short) or "store" not in effects(target):
        return False
    return any(isinstance(given, ast.Name) and given.id in _ids(handler) for given in call.args)


def _ids(handler: Function) -> set[str]:
    return {a.arg for a in handler.parameters if re.search(r"(^|_)(id|uuid|pk)$", a.arg)}


def _temporary(handler: Function, call: ast.Call) -> bool:
    """A `pop` or `remove` on something of the function's own: a dict that it made."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr not in {"pop", "remove"}:
        return False
    base = func.value
    while isinstance(base, (ast.Attribute, ast.Subscript)):
        base = base.value
    return isinstance(base, ast.Name) and (
        base.id in handler.scope.assigned or handler.scope.parameter(base.id) is not None
    )
