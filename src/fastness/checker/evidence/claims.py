"""What a token says when it is made: the claims of an `encode`, gathered through names, copies and callers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.found import Parameter, Variable
from fastness.checker.evidence.jwts import TokenCall
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope

DEEP = 8
_COPYING = frozenset({"copy", "deepcopy", "dict", "jsonable_encoder"})
_DUMPING = frozenset({"dict", "model_dump", "asdict", "to_dict", "as_dict"})


@dataclass(slots=True, eq=False)
class Claims:
    """Names of claims with what they are set to."""

    set: dict[str, list[tuple[Scope, ast.expr]]] = field(default_factory=dict)
    whole: bool = True
    """Whether every claim is seen. False where the claims come from somewhere that could not be followed."""

    def __contains__(self, name: str) -> bool:
        return name in self.set

    def of(self, name: str) -> list[tuple[Scope, ast.expr]]:
        """What a claim is set to, with the scope that it is written in."""
        return self.set.get(name, [])


def claims_of(project: Project, encoding: TokenCall) -> Claims:
    """The claims that an `encode` signs."""
    claims = Claims()
    expr = encoding.arg("claims")
    if expr is None or encoding.call.spread:
        claims.whole = False
    _Gathering(project, claims).expression(encoding.call.scope, expr)
    return claims


@dataclass(slots=True, eq=False)
class _Gathering:
    project: Project
    claims: Claims
    seen: set[tuple[int, str]] = field(default_factory=set)

    def expression(self, scope: Scope, expr: ast.expr | None, deep: int = 0) -> None:
        if deep > DEEP:
            self.claims.whole = False
            return
        match expr:
            case None:
                return
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if key is None:
                        self.expression(scope, value, deep + 1)
                    else:
                        self._put(scope, key, value)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                self.expression(scope, left, deep + 1)
                self.expression(scope, right, deep + 1)
            case ast.Name():
                self._name(scope, expr, deep)
            case ast.Call():
                self._call(scope, expr, deep)
            case ast.IfExp(body=body, orelse=orelse) | ast.BoolOp(values=[body, orelse]):
                self.expression(scope, body, deep + 1)
                self.expression(scope, orelse, deep + 1)
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                self.expression(scope, value, deep + 1)
            case _:
                self.claims.whole = False

    def _put(self, scope: Scope, key: ast.expr, value: ast.expr) -> None:
        name = self.project.value(scope, key).constant
        if isinstance(name, str):
            self.claims.set.setdefault(name, []).append((scope, value))
        else:
            self.claims.whole = False

    def _name(self, scope: Scope, expr: ast.Name, deep: int) -> None:
        found = self.project.names.lookup(scope, expr.id)
        owner = found.scope if isinstance(found, (Variable, Parameter)) else scope
        if (id(owner), expr.id) in self.seen:
            return
        self.seen.add((id(owner), expr.id))
        self._changes(owner, expr.id, deep)
        match found:
            case Variable(where, _, assignments):
                for assignment in assignments:
                    if assignment.how in {"plain", "add", "walrus"}:
                        self.expression(where, assignment.value, deep + 1)
                    else:
                        self.claims.whole = False
                if (parameter := where.parameter(expr.id)) is not None:
                    self._parameter(Parameter(where, parameter), deep)
            case Parameter():
                self._parameter(found, deep)
            case _:
                self.claims.whole = False

    def _parameter(self, found: Parameter, deep: int) -> None:
        function = self.project.function_of(found.scope)
        if function.node.args.kwarg is found.arg:
            self.claims.whole = False
            return
        names = [a.arg for a in function.parameters]
        asked = False
        for call in function.callers():
            asked = True
            at = names.index(found.arg.arg) if found.arg.arg in names else 0
            given = call.arg(found.arg.arg, at)
            if given is not None:
                self.expression(call.scope, given, deep + 1)
        if not asked:
            self.claims.whole = False

    def _changes(self, scope: Scope, name: str, deep: int) -> None:
        """`claims["exp"] = ...`, `claims.update(...)`, `claims.setdefault("exp", ...)`."""
        for node in self.project.nodes_of(scope, ast.Assign):
            for target in node.targets:
                match target:
                    case ast.Subscript(value=ast.Name(id=given), slice=key) if given == name:
                        self._put(scope, key, node.value)
        for call in scope.calls:
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=given), attr="update"), args=args, keywords=keywords
                ) if given == name:
                    for argument in args:
                        self.expression(scope, argument, deep + 1)
                    for keyword in keywords:
                        if keyword.arg is None:
                            self.expression(scope, keyword.value, deep + 1)
                        else:
                            self.claims.set.setdefault(keyword.arg, []).append((scope, keyword.value))
                case ast.Call(func=ast.Attribute(value=ast.Name(id=given), attr="setdefault"), args=[key, value]) if (
                    given == name
                ):
                    self._put(scope, key, value)

    def _call(self, scope: Scope, call: ast.Call, deep: int) -> None:
        func = call.func
        last = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        target = self.project.names.called(scope, call)
        if target is not None and target.short != "__init__":
            returns = self.project.function_of(target).returns
            self.claims.whole = self.claims.whole and bool(returns)
            for value in returns:
                self.expression(target, value, deep + 1)
        elif isinstance(func, ast.Attribute) and last in _DUMPING and self._model(scope, func.value) is not None:
            model = self._model(scope, func.value)
            for one in model.fields if model is not None else ():
                self.claims.set.setdefault(one.name, [])
        elif last in _COPYING:
            for keyword in call.keywords:
                if keyword.arg is not None:
                    self.claims.set.setdefault(keyword.arg, []).append((scope, keyword.value))
                else:
                    self.expression(scope, keyword.value, deep + 1)
            before = (
                [*call.args] if last != "copy" or call.args else [func.value] if isinstance(func, ast.Attribute) else []
            )
            for argument in before:
                self.expression(scope, argument, deep + 1)
        else:
            self.claims.whole = False

    def _model(self, scope: Scope, expr: ast.expr) -> Model | None:
        kind = self.project.names.kind(scope, expr)
        if isinstance(kind, Scope) and kind.kind == "class":
            cls = self.project.class_of(kind)
            return cls if isinstance(cls, Model) else None
        return None


def constants(project: Project, claims: Claims, *names: str) -> Iterator[str]:
    """The constant texts that these claims are set to."""
    for name in names:
        for scope, expr in claims.of(name):
            for choice in project.value(scope, expr).choices():
                if choice.text:
                    yield choice.text
