"""What an annotation with its default says: the type, the bounds, and who gives the value (`Depends`, `Query`, `Field`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from fastness.checker.evidence.found import Variable, matches
from fastness.checker.evidence.names import Names
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.values import Values
from fastness.checker.evidence.written import written

DEEP = 8
DEPENDS = ("fastapi.Depends", "fastapi.Security", "Depends", "Security", "Inject", "FromDishka")
BOUNDS = frozenset({
    "ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "regex", "min_items", "max_items", "multiple_of",
    "max_digits",
})  # fmt: skip
_CONSTRAINED = {
    "conint": "int", "confloat": "float", "condecimal": "Decimal", "constr": "str", "conlist": "list", "conset": "set",
    "conbytes": "bytes",
}  # fmt: skip
_READY: dict[str, tuple[tuple[str, object], ...]] = {
    "PositiveInt": (("gt", 0),),
    "NonNegativeInt": (("ge", 0),),
    "PositiveFloat": (("gt", 0),),
    "NonNegativeFloat": (("ge", 0),),
    "NegativeInt": (("lt", 0),),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """An annotation, taken apart."""

    scope: Scope
    """Where `base` was written."""
    base: ast.expr | None
    """The type without `Annotated`, `Optional` and `| None`."""
    metadata: tuple[tuple[Scope, ast.expr], ...] = ()
    """What `Annotated` adds, and the default when it is a call such as `Query(...)`."""
    default: ast.expr | None = None
    """The default as written; the call itself when it is `Query(...)`."""
    optional: bool = False

    @property
    def text(self) -> str:
        """The type as written."""
        return written(self.base) if self.base is not None else ""

    def calls(self) -> Iterator[tuple[Scope, ast.Call]]:
        """The metadata that are calls."""
        for scope, expr in self.metadata:
            if isinstance(expr, ast.Call):
                yield scope, expr


class Annotations:
    """Reads annotations of parameters and fields."""

    def __init__(self, names: Names, values: Values) -> None:
        self._names = names
        self._values = values

    def typed(self, scope: Scope, annotation: ast.expr | None, default: ast.expr | None = None) -> Typed:
        """`annotation` and `default` as seen from `scope`, aliases followed."""
        metadata: list[tuple[Scope, ast.expr]] = []
        inner_scope, base, optional = self._peeled(scope, annotation, metadata, 0)
        if isinstance(default, (ast.Call, ast.Name, ast.Attribute)):
            found = self._names.resolve(scope, default) if not isinstance(default, ast.Call) else None
            if isinstance(found, Variable) and isinstance(found.last.value, ast.Call):
                metadata.append((found.scope, found.last.value))
            else:
                metadata.append((scope, default))
        return Typed(inner_scope, base, tuple(self._expanded(metadata)), default, optional)

    def _expanded(self, metadata: list[tuple[Scope, ast.expr]]) -> Iterator[tuple[Scope, ast.expr]]:
        """Metadata with what home-made functions put in: `RoleACL(...)` that returns `Depends(...)`."""
        for scope, expr in metadata:
            yield scope, expr
            found = self._names.resolve(scope, expr.func) if isinstance(expr, ast.Call) else None
            if isinstance(found, Scope):
                yield from self._dependencies(found)

    def _dependencies(self, found: Scope) -> Iterator[tuple[Scope, ast.expr]]:
        """The `Depends(...)` calls that a function returns, or that a subclass of `Depends` is built from."""
        if found.kind == "function":
            for statement in found.nodes.get(ast.Return, ()):
                value = statement.value if isinstance(statement, ast.Return) else None
                if isinstance(value, ast.Call) and matches(self._names.dotted(found, value.func), DEPENDS):
                    yield found, value
        elif self._names.is_a(found, *DEPENDS):
            init = found.children.get("__init__")
            for call in init.calls if init is not None else ():
                if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
                    assert init is not None  # noqa: S101 - it has calls
                    yield init, call

    def _peeled(
        self, scope: Scope, expr: ast.expr | None, metadata: list[tuple[Scope, ast.expr]], deep: int
    ) -> tuple[Scope, ast.expr | None, bool]:
        if expr is None or deep > DEEP:
            return scope, expr, False
        match expr:
            case ast.Constant(value=str(text)):
                quoted = self._names.quoted(text)
                return self._peeled(scope, quoted, metadata, deep + 1) if quoted is not None else (scope, expr, False)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                if _none(left) or _none(right):
                    where, base, _ = self._peeled(scope, right if _none(left) else left, metadata, deep + 1)
                    return where, base, True
                return scope, expr, False
            case ast.Subscript(value=value, slice=inner):
                word = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
                if word == "Annotated" and isinstance(inner, ast.Tuple) and inner.elts:
                    for extra in inner.elts[1:]:
                        found = (
                            self._names.resolve(scope, extra) if isinstance(extra, (ast.Name, ast.Attribute)) else None
                        )
                        if isinstance(found, Variable) and found.last.value is not None:
                            metadata.append((found.scope, found.last.value))
                        else:
                            metadata.append((scope, extra))
                    return self._peeled(scope, inner.elts[0], metadata, deep + 1)
                if word == "Optional":
                    where, base, _ = self._peeled(scope, inner, metadata, deep + 1)
                    return where, base, True
                if word == "Union" and isinstance(inner, ast.Tuple) and any(_none(e) for e in inner.elts):
                    rest = [e for e in inner.elts if not _none(e)]
                    if len(rest) == 1:
                        where, base, _ = self._peeled(scope, rest[0], metadata, deep + 1)
                        return where, base, True
                return scope, expr, False
            case ast.Name() | ast.Attribute():
                found = self._names.resolve(scope, expr)
                if isinstance(found, Variable) and found.last.value is not None and _typelike(found.last.value):
                    return self._peeled(found.scope, found.last.value, metadata, deep + 1)
                return scope, expr, False
            case ast.Call(func=func):
                word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                if word in _CONSTRAINED:
                    metadata.append((scope, expr))
                return scope, expr, False
            case _:
                return scope, expr, False

    def bounds(self, typed: Typed) -> tuple[tuple[str, object], ...]:
        """The limits that the annotation and the default set; a value is None when it is not constant."""
        found: dict[str, object] = {}
        base = typed.base
        word = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        found.update(_READY.get(word, ()))
        for scope, call in typed.calls():
            for keyword in call.keywords:
                if keyword.arg in BOUNDS:
                    value = self._values.of(scope, keyword.value)
                    found[keyword.arg] = value.constant if value.known else None
            name = self._names.dotted(scope, call.func).rpartition(".")[2]
            for at, key in enumerate({"Ge": ("ge",), "Gt": ("gt",), "Le": ("le",), "Lt": ("lt",), "Len": ("min_length", "max_length"),
                                      "MinLen": ("min_length",), "MaxLen": ("max_length",)}.get(name, ())):  # fmt: skip
                if at < len(call.args):
                    value = self._values.of(scope, call.args[at])
                    found[key] = value.constant if value.known else None
        return tuple(found.items())

    def by(self, typed: Typed, *wanted: str) -> tuple[Scope, ast.Call] | None:
        """The metadata call to one of these (`Depends`, `Query`, ...), if there is one."""
        for scope, call in typed.calls():
            name = self._names.dotted(scope, call.func)
            if matches(name, wanted) or (name.endswith(".__init__") and "Depends" in wanted):
                return scope, call
        return None


def _none(expr: ast.expr) -> bool:
    return (isinstance(expr, ast.Constant) and expr.value is None) or (isinstance(expr, ast.Name) and expr.id == "None")


def _typelike(expr: ast.expr) -> bool:
    if isinstance(expr, ast.Call):
        func = expr.func
        return (func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")) in _CONSTRAINED
    return isinstance(expr, (ast.Subscript, ast.BinOp, ast.Name, ast.Attribute))
