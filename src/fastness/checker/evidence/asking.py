"""Who is asking, inside the code of a route: the names that hold the caller, and whether they meet the object asked for.

asking = project.once(Asking)
held = asking.held(route.handler)              # {"user", "self.user"}
asking.meets(route.handler, held)              # the caller is compared or becomes part of a query
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from fastness.checker.evidence.depending import Depending
from fastness.checker.evidence.found import default_of
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.guards import Guards
from fastness.checker.evidence.takings import SCHEMES
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 4
Held = frozenset[str]
_READ = re.compile(
    r"\b(request|req|info\.context|websocket|ws|conn|self\.request)\.(state\.\w*(user|auth|identity|principal|claims|account|tenant|member)\w*|user|auth|session|cookies|headers)\b"
    r"|\bscope\[.(user|auth|session).\]|\bg\.user\b"
)  # fmt: skip
_SPEAKS = re.compile(
    r"(^|\.)(print|debug|info|warning|warn|error|exception|critical|log|logger|trace|str|repr|len|isinstance|bool|format|emit|track|capture\w*"
    r"|audit\w*|add_task|send\w*|notify\w*|publish\w*|set_cookie|jsonable_encoder|model_dump|dict|refresh|expunge|hasattr|sleep|record\w*event|setattr"
    r"|create_access_token|hash\w*)$",
    re.IGNORECASE,
)  # fmt: skip


class Asking:
    """Follows the caller's identity through functions."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._depending = Depending(project)
        self._guards = Guards(project, self._depending)
        self._held: dict[tuple[int, Held], Held] = {}
        self._met: dict[tuple[int, Held], bool] = {}

    def held(self, function: Function, bound: Held = frozenset()) -> Held:
        """The names, and attributes of `self`, that hold the caller or something made from them."""
        key = (id(function.scope), bound)
        if key not in self._held:
            self._held[key] = bound
            self._held[key] = self._spread(function, frozenset(bound | self._given(function)))
        return self._held[key]

    def _given(self, function: Function) -> set[str]:
        outside = function.scope.parent or function.scope
        found: set[str] = set()
        for arg in function.parameters:
            typed = self._project.annotations.typed(outside, arg.annotation, default_of(function.scope, arg))
            if typed.text.rpartition(".")[2] in {"HTTPAuthorizationCredentials", "HTTPBasicCredentials"}:
                found.add(arg.arg)
            dependency = self._depending.typed(typed)
            if dependency is None:
                continue
            scheme = self._project.annotations.by(typed, "Depends", "Security")
            given = scheme[1].args[0] if scheme is not None and scheme[1].args else None
            kind = self._project.names.kind(scheme[0], given) if scheme is not None and given is not None else None
            if (
                (kind is not None and self._project.names.is_a(kind, *SCHEMES))
                or any(g.duty in {"access", "role"} for g in self._guards.of_dependency(dependency))
                or any(self._guards.verdicts.of(f).credential for f in dependency.functions)
            ):
                found.add(arg.arg)
        return found | self._given_by_class(function)

    def _given_by_class(self, function: Function) -> set[str]:
        owner = function.owner
        found: set[str] = set()
        for cls in owner.lineage() if owner is not None else ():
            for name, assignments in cls.scope.assigned.items():
                last = assignments[-1]
                dependency = self._depending.typed(
                    self._project.annotations.typed(cls.scope, last.annotation, last.value)
                )
                if dependency is not None and any(
                    g.duty in {"access", "role"} for g in self._guards.of_dependency(dependency)
                ):
                    found.add(f"self.{name}")
        return found

    def _spread(self, function: Function, held: Held) -> Held:
        """With the local names that are made from what is held already."""
        grown = set(held)
        for _ in range(4):
            before = len(grown)
            for name, assignments in function.scope.assigned.items():
                if name in grown:
                    continue
                if any(a.value is not None and self._made(function, a.value, frozenset(grown)) for a in assignments):
                    grown.add(name)
            if len(grown) == before:
                break
        return frozenset(grown)

    def _made(self, function: Function, value: ast.expr, held: Held) -> bool:
        if isinstance(value, ast.Await):
            return self._made(function, value.value, held)
        if isinstance(value, ast.Call):
            call = self._project.call_of(function.scope, value)
            target = call.target
            if target is not None and self._guards.verdicts.of(target).credential:
                return True
        if isinstance(value, (ast.Call, ast.Attribute, ast.Subscript, ast.Name, ast.IfExp, ast.BoolOp, ast.JoinedStr)):
            return mentions(value, held)
        return False

    def meets(self, function: Function, held: Held, deep: int = 0) -> bool:
        """Whether the caller is compared with something of the data, or becomes part of a query or of a call outside."""
        key = (id(function.scope), held)
        if key not in self._met:
            self._met[key] = False
            self._met[key] = any(self._compared(node, held) for node in function.nodes(ast.Compare)) or any(
                self._handed(call, held, deep) for call in function.calls()
            )
        return self._met[key]

    def _compared(self, node: ast.Compare, held: Held) -> bool:
        sides = [node.left, *node.comparators]
        ours = [s for s in sides if mentions(s, held)]
        theirs = [s for s in sides if not mentions(s, held) and not _constant(s)]
        return bool(ours) and bool(theirs)

    def _handed(self, call: Call, held: Held, deep: int) -> bool:
        given = [*call.positional, *(k.value for k in call.node.keywords)]
        ours = [a for a in given if mentions(a, held)]
        receiver = call.receiver
        through = receiver is not None and mentions(receiver, held) and bool(given)
        if not ours and not through:
            return False
        target = call.target
        if target is not None and target.short != "__init__":
            if deep >= DEEP:
                return True
            inner = self.bound(call, target, held)
            return self.meets(target, self.held(target, inner), deep + 1)
        last = call.name.rpartition(".")[2]
        if _SPEAKS.search(call.name) or last[:1].isupper() or last in {"__init__", "Depends"}:
            return False
        return last not in {"add", "append", "merge"} or not ours

    def bound(self, call: Call, target: Function, held: Held) -> Held:
        """The callee's parameters that hold the caller."""
        names = [a.arg for a in target.parameters]
        found = {n for n, a in zip(names, call.positional, strict=False) if mentions(a, held)}
        found |= {k.arg for k in call.node.keywords if k.arg and mentions(k.value, held)}
        if call.receiver is not None and mentions(call.receiver, held):
            found.add("self")
        return frozenset(found)


def mentions(expr: ast.AST, held: Held) -> bool:
    """Whether an expression reads one of the names, or the caller's place in the request."""
    for node in walk(expr):
        if isinstance(node, ast.Name) and node.id in held:
            return True
        if isinstance(node, ast.Attribute):
            text = written(node)
            if text in held or _READ.search(text):
                return True
        elif isinstance(node, ast.Subscript) and _READ.search(written(node)):
            return True
    return False


def _constant(expr: ast.expr) -> bool:
    if isinstance(expr, ast.Constant):
        return True
    if isinstance(expr, (ast.List, ast.Tuple, ast.Set)):
        return all(_constant(e) for e in expr.elts)
    # `Role.ADMIN`, `settings.ADMIN_NAME`: no part of the data.
    return isinstance(expr, ast.Attribute) and expr.attr.isupper()
