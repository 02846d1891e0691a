"""What class a value is of, where annotations, constructors or returns tell it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import External, Found, Instance, Parameter, Variable, default_of
from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.names import Names

DEEP = 12
"""Steps through annotations, aliases and returns."""
_WRAPPERS = frozenset({
    "Optional", "Annotated", "Awaitable", "Coroutine", "AsyncGenerator", "Generator", "AsyncIterator", "Iterator",
    "AsyncIterable", "Iterable", "Union", "Type", "type", "Final", "ClassVar", "Mapped",
})  # fmt: skip


class Kinds:
    """Classes of values, over the names of a project."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[tuple[int, int], Scope | External | None] = {}
        self._quoted: dict[str, ast.expr | None] = {}

    def of(self, scope: Scope, expr: ast.expr, deep: int = 0) -> Scope | External | None:
        """The class of the value of `expr`, where annotations, constructors or returns tell it."""
        if deep > DEEP:
            return None
        key = (id(scope), id(expr))
        if key not in self._known:
            self._known[key] = None
            self._known[key] = self._search(scope, expr, deep)
        return self._known[key]

    def _search(self, scope: Scope, expr: ast.expr, deep: int) -> Scope | External | None:
        match expr:
            case ast.Await(value=value):
                return self.of(scope, value, deep + 1)
            case ast.Call(func=func):
                return self.returned(self._names.resolve(scope, func, deep + 1), deep + 1)
            case ast.BoolOp(values=[*_, last]):
                return self.of(scope, last, deep + 1)
            case ast.IfExp(body=body):
                return self.of(scope, body, deep + 1)
            case ast.Name() | ast.Attribute():
                found = self._names.resolve(scope, expr, deep + 1)
                return self.of_found(found, deep + 1) if found is not None else None
            case _:
                return None

    def of_found(self, found: Found, deep: int) -> Scope | External | None:
        match found:
            case Instance(of):
                return of
            case Parameter(scope, arg):
                if arg.annotation is not None:
                    kind = self.annotated(scope.parent or scope, arg.annotation, deep + 1)
                    if kind is not None:
                        return kind
                return self._depended(scope, arg, deep + 1)
            case Variable(scope, _, assignments):
                for assignment in assignments:
                    if assignment.annotation is not None:
                        return self.annotated(scope, assignment.annotation, deep + 1)
                for assignment in reversed(assignments):
                    if assignment.how in {"plain", "with", "walrus"} and assignment.value is not None:
                        kind = self.of(scope, assignment.value, deep + 1)
                        if kind is not None:
                            return kind
                return None
            case _:
                return None

    def _depended(self, scope: Scope, arg: ast.arg, deep: int) -> Scope | External | None:
        """`db = Depends(get_db)` without an annotation: what the dependency gives."""
        default = default_of(scope, arg)
        if isinstance(default, ast.Call) and default.args and self._names.dotted(scope.parent or scope, default.func) in {
            "fastapi.Depends", "fastapi.Security",
        }:  # fmt: skip
            return self.returned(self._names.resolve(scope.parent or scope, default.args[0], deep + 1), deep + 1)
        return None

    def annotated(self, scope: Scope, annotation: ast.expr, deep: int = 0) -> Scope | External | None:
        """The class an annotation means, out of `Optional`, `Annotated`, generators and unions with None."""
        if deep > DEEP:
            return None
        match annotation:
            case ast.Constant(value=str(text)):
                quoted = self.quoted(text)
                return self.annotated(scope, quoted, deep + 1) if quoted is not None else None
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                first = left if not (isinstance(left, ast.Constant) and left.value is None) else right
                return self.annotated(scope, first, deep + 1)
            case ast.Subscript(value=value, slice=inner):
                word = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
                if word in _WRAPPERS:
                    first = inner.elts[-1 if word == "Coroutine" else 0] if isinstance(inner, ast.Tuple) else inner
                    return self.annotated(scope, first, deep + 1)
                return self.annotated(scope, value, deep + 1)
            case ast.Name() | ast.Attribute():
                found = self._names.resolve(scope, annotation, deep + 1)
                if isinstance(found, Variable) and found.last.value is not None:
                    return self.annotated(found.scope, found.last.value, deep + 1)  # an alias of a type
                return found if isinstance(found, (Scope, External)) else None
            case _:
                return None

    def quoted(self, text: str) -> ast.expr | None:
        """An annotation in quotes as an expression; the same object each time, because answers are kept by object."""
        if text not in self._quoted:
            try:
                self._quoted[text] = ast.parse(text.strip(), mode="eval").body
            except (SyntaxError, ValueError):
                self._quoted[text] = None
        return self._quoted[text]

    def returned(self, called: Found | None, deep: int) -> Scope | External | None:
        """The class of what calling `called` gives."""
        if deep > DEEP:
            return None
        match called:
            case Scope(kind="class"):
                return called
            case Scope(kind="function", node=ast.FunctionDef() | ast.AsyncFunctionDef() as node):
                outside = called.parent or called
                if node.returns is not None:
                    kind = self.annotated(outside, node.returns, deep + 1)
                    if isinstance(kind, External) and kind.name in {"Self", "typing.Self"}:
                        return called.enclosing_class
                    if kind is not None:
                        return kind
                for statement in called.nodes.get(ast.Return, ()):
                    if isinstance(statement, ast.Return) and statement.value is not None:
                        kind = self.of(called, statement.value, deep + 1)
                        if kind is not None:
                            return kind
                return None
            case External(name):
                last = name.rpartition(".")[2]
                return External(name) if last[:1].isupper() else External(f"{name}()")
            case Instance(of) if isinstance(of, Scope):
                member = self._names.member(of, "__call__")
                return self.returned(member, deep + 1) if isinstance(member, Scope) else None
            case Variable():
                return None
            case _:
                return None
