"""Evaluates expressions without running anything: constants, settings with defaults, environment, texts, one call deep."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fastness.checker.evidence.combined import choice, compared, either, element_of, joined, large, power, signed
from fastness.checker.evidence.conversions import converted
from fastness.checker.evidence.found import External, Variable, matches
from fastness.checker.evidence.names import Names
from fastness.checker.evidence.reading import environment
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.value import UNKNOWN, Value
from fastness.checker.evidence.written import written

DEEP = 10
BRANCHES = 4
"""Returns of a function that are followed."""
SETTINGS = (
    "pydantic_settings.BaseSettings",
    "pydantic.BaseSettings",
    "BaseSettings",
    "fastness.Settings",
    "fastness.chain.Settings",
)
_UNKNOWN = Value()
_EXTRA = re.compile(r"^pydantic\.(?:config\.)?Extra\.(?:allow|forbid|ignore)$")
"""Pydantic's own names for the texts that its configuration takes."""
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: power,
}
RANDOM = (
    "secrets.token_hex", "secrets.token_urlsafe", "secrets.token_bytes", "os.urandom", "uuid.uuid4",
    "cryptography.fernet.Fernet.generate_key", "Fernet.generate_key",
)  # fmt: skip


class Values:
    """Evaluation over the names of a project."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[tuple[int, int], Value] = {}

    def of(self, scope: Scope, expr: ast.expr | None, bound: Mapping[str, Value] | None = None, deep: int = 0) -> Value:
        """What `expr` is, seen from `scope`; `bound` gives values for parameters."""
        if expr is None or deep > DEEP:
            return _UNKNOWN
        if bound is not None:
            return self._of(scope, expr, bound, deep)
        key = (id(scope), id(expr))
        if key not in self._known:
            self._known[key] = _UNKNOWN
            self._known[key] = self._of(scope, expr, None, deep)
        return self._known[key]

    def _of(self, scope: Scope, expr: ast.expr, bound: Mapping[str, Value] | None, deep: int) -> Value:
        def inner(part: ast.expr | None) -> Value:
            return self.of(scope, part, bound, deep + 1)

        match expr:
            case ast.Constant(value=value):
                return Value(value, "literal", place=self._names.module(scope).place(expr))
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                return self._listed(
                    scope, expr, [inner(e) for e in elements if not isinstance(e, ast.Starred)], elements
                )
            case ast.Dict(keys=keys, values=values):
                return self._dict([inner(k) if k else _UNKNOWN for k in keys], [inner(v) for v in values])
            case ast.JoinedStr(values=parts):
                return joined([inner(p.value if isinstance(p, ast.FormattedValue) else p) for p in parts])
            case ast.BinOp(left=left, op=op, right=right):
                return self._operated(op, inner(left), inner(right))
            case ast.UnaryOp(op=op, operand=operand):
                return signed(op, inner(operand))
            case ast.BoolOp(op=op, values=parts):
                return either(op, [inner(p) for p in parts])
            case ast.IfExp(body=body, orelse=orelse):
                return choice([inner(body), inner(orelse)])
            case ast.Name() | ast.Attribute():
                return self._named(scope, expr, bound, deep)
            case ast.Subscript(value=value, slice=part):
                read = environment(self._names, scope, expr)
                if read is not None:
                    return Value(UNKNOWN, "environment", read.variable)
                return element_of(inner(value), inner(part))
            case ast.Call():
                return self._call(scope, expr, bound, deep)
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return inner(value)
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as op], comparators=[right]):
                return compared(op, inner(left), inner(right))
            case ast.ListComp(elt=made, generators=[ast.comprehension(target=ast.Name(id=name), iter=given, ifs=[])]):
                listed = inner(given)
                items = [self.of(scope, made, {**(bound or {}), name: item}, deep + 1) for item in listed.items]
                return replace(listed, constant=UNKNOWN, items=tuple(items)) if listed.shape == "list" else _UNKNOWN
            case _:
                return _UNKNOWN

    def _listed(self, scope: Scope, expr: ast.expr, items: list[Value], elements: list[ast.expr]) -> Value:
        for element in elements:
            if isinstance(element, ast.Starred):
                items.extend(self.of(scope, element.value).items or [_UNKNOWN])
        whole = all(item.known for item in items)
        constant = [item.constant for item in items] if whole else UNKNOWN
        return Value(constant, "literal", place=self._names.module(scope).place(expr), shape="list", items=tuple(items))

    @staticmethod
    def _dict(keys: list[Value], values: list[Value]) -> Value:
        whole = all(v.known for v in (*keys, *values)) and all(isinstance(k.constant, (str, int, bytes)) for k in keys)
        constant = {k.constant: v.constant for k, v in zip(keys, values, strict=True)} if whole else UNKNOWN
        return Value(constant, "literal", shape="dict", items=tuple(values), keys=tuple(k.constant for k in keys))

    @staticmethod
    def _operated(op: ast.operator, left: Value, right: Value) -> Value:
        texts = isinstance(left.constant, str) or isinstance(right.constant, str) or "text" in {left.shape, right.shape}
        if isinstance(op, ast.Add) and texts:
            return joined([left, right])
        if isinstance(op, ast.Add) and left.shape == right.shape == "list":
            items = (*left.items, *right.items)
            constant = [i.constant for i in items] if all(i.known for i in items) else UNKNOWN
            return Value(constant, "literal", place=left.place, shape="list", items=items)
        if isinstance(op, ast.Mod) and isinstance(left.constant, str):
            return Value(UNKNOWN, "computed", shape="text", items=(left, right))
        function = _OPERATORS.get(type(op))
        if function is None or not (left.known and right.known) or large(left) or large(right):
            return Value(UNKNOWN, "computed")
        try:
            return replace(
                left if left.configured else right,
                constant=function(left.constant, right.constant),
                shape="one",
                items=(),
            )
        except (TypeError, ValueError, ArithmeticError):
            return Value(UNKNOWN, "computed")

    def _named(
        self, scope: Scope, expr: ast.Name | ast.Attribute, bound: Mapping[str, Value] | None, deep: int
    ) -> Value:
        if isinstance(expr, ast.Name) and bound is not None and expr.id in bound:
            return bound[expr.id]
        found = self._names.resolve(scope, expr)
        if isinstance(found, Variable):
            return self.variable(found, deep + 1)
        if isinstance(expr, ast.Attribute) and expr.attr in {"value", "name"}:
            member = self._names.resolve(scope, expr.value)
            if isinstance(member, Variable) and member.scope.kind == "class":
                return self.variable(member, deep + 1)
        if isinstance(found, External) and _EXTRA.search(found.name):
            return Value(found.name.rpartition(".")[2], "literal", place=self._names.module(scope).place(expr))
        if isinstance(found, Scope) and found.kind == "function" and is_property(found):
            return choice(
                [
                    self.of(found, n.value, None, deep + 1)
                    for n in found.nodes.get(ast.Return, ())
                    if isinstance(n, ast.Return)
                ]
            )
        return _UNKNOWN

    def variable(self, found: Variable, deep: int = 0) -> Value:
        """The value of a bound name; a choice when branches bind it differently."""
        plain = [a for a in found.assignments if a.how in {"plain", "walrus"} and a.value is not None]
        if len(plain) != len([a for a in found.assignments if a.value is not None]):
            return Value(UNKNOWN, "computed")
        values = [self.of(found.scope, a.value, None, deep + 1) for a in plain]
        owner = found.scope
        if owner.kind == "class" and self._names.is_a(owner, *SETTINGS):
            if not values:
                return Value(UNKNOWN, "setting", found.name)
            last = values[-1]
            return (
                last
                if last.origin == "random"
                else replace(last, origin="setting", variable=last.variable or found.name)
            )
        if len(values) == 1 and values[0].shape == "list" and _grown(found):
            return replace(values[0], constant=UNKNOWN, origin="computed")
        return choice(values) if values else _UNKNOWN

    def _call(self, scope: Scope, call: ast.Call, bound: Mapping[str, Value] | None, deep: int) -> Value:
        def inner(part: ast.expr | None) -> Value:
            return self.of(scope, part, bound, deep + 1)

        read = environment(self._names, scope, call)
        if read is not None:
            default = inner(read.default) if read.default is not None else Value(None if read.optional else UNKNOWN)
            return replace(
                default, origin="environment" if default.origin != "random" else "random", variable=read.variable
            )
        name = self._names.dotted(scope, call.func)
        if matches(name, RANDOM):
            return Value(UNKNOWN, "random")
        if matches(name, ("pydantic.Field", "Field")):
            return self._field(call, inner)
        if matches(name, ("datetime.timedelta", "timedelta")):
            return _duration(call, inner)
        result = converted(name, call, inner)
        if result is not None:
            return result
        return self._returned(scope, call, bound, deep)

    @staticmethod
    def _field(call: ast.Call, inner: Callable[[ast.expr | None], Value]) -> Value:
        given = {k.arg: k.value for k in call.keywords}
        if "default_factory" in given:
            factory = given["default_factory"]
            if isinstance(factory, ast.Lambda):
                return inner(factory.body)
            return Value(UNKNOWN, "random" if "token" in written(factory) else "computed")
        default = inner(call.args[0] if call.args else given.get("default"))
        return Value() if default.constant is Ellipsis else default

    def _returned(self, scope: Scope, call: ast.Call, bound: Mapping[str, Value] | None, deep: int) -> Value:
        """One call deep: the returns of a function of the project, with what was passed."""
        found = self._names.resolve(scope, call.func)
        if not isinstance(found, Scope) or found.kind != "function" or bound is not None:
            return Value(UNKNOWN, "computed")
        args = found.arguments
        returns = [
            n.value for n in found.nodes.get(ast.Return, ()) if isinstance(n, ast.Return) and n.value is not None
        ]
        if args is None or not returns or len(returns) > BRANCHES:
            return Value(UNKNOWN, "computed")
        names = [a.arg for a in (*args.posonlyargs, *args.args)]
        if names[:1] in (["self"], ["cls"]):
            names = names[1:]
        given = {n: self.of(scope, a, None, deep + 1) for n, a in zip(names, call.args, strict=False)}
        given |= {k.arg: self.of(scope, k.value, None, deep + 1) for k in call.keywords if k.arg}
        defaults = zip(reversed([*args.posonlyargs, *args.args]), reversed(args.defaults), strict=False)
        for arg, default in defaults:
            given.setdefault(arg.arg, self.of(found, default, None, deep + 1))
        return choice([self.of(found, r, given, deep + 1) for r in returns])


def is_property(scope: Scope) -> bool:
    """Whether a function is read like an attribute."""
    decorators = getattr(scope.node, "decorator_list", [])
    return any(
        ast.unparse(d).rpartition(".")[2] in {"property", "cached_property", "computed_field"} for d in decorators
    )


def _grown(found: Variable) -> bool:
    """Whether elements are added to a list after it was made."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in {"append", "extend", "insert"}
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == found.name
        for call in found.scope.calls
    )


def _duration(call: ast.Call, inner: Callable[[ast.expr | None], Value]) -> Value:
    """A `timedelta` of known figures; its source is that of the figure (a setting, a literal)."""
    words = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
    given = {words[i]: inner(a) for i, a in enumerate(call.args[: len(words)])}
    given |= {k.arg: inner(k.value) for k in call.keywords if k.arg in words}
    if not all(v.number is not None for v in given.values()):
        return Value(UNKNOWN, "computed")
    source = next((v for v in given.values() if v.configured), next(iter(given.values()), _UNKNOWN))
    try:
        length = timedelta(**{k: v.number or 0.0 for k, v in given.items()})
    except OverflowError:
        length = timedelta.max
    return replace(source, constant=length)
