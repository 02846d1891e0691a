"""One walk over a file: its scopes, what each binds, and the nodes that rules ask for.

A scope is a module, a class or a function. Everything else (names, values, flow, routes) asks scopes and never walks a
whole file again, which keeps the cost linear.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from fastness.checker.evidence.walking import HOLDING

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
KEPT: frozenset[type[ast.AST]] = frozenset({
    ast.Assert, ast.Assign, ast.AsyncFor, ast.Attribute, ast.AugAssign, ast.BinOp, ast.BoolOp, ast.Compare, ast.Delete,
    ast.Dict, ast.ExceptHandler, ast.For, ast.If, ast.IfExp, ast.JoinedStr, ast.Raise, ast.Return, ast.Subscript, ast.Try,
    ast.UnaryOp, ast.With, ast.AsyncWith, ast.Yield,
})  # fmt: skip
"""Kinds of nodes that a scope keeps; others are searched when somebody asks."""
_LEAVES: frozenset[type[ast.AST]] = frozenset({
    ast.Constant, ast.Name, ast.Load, ast.Store, ast.Del, ast.Pass, ast.Break, ast.Continue, ast.alias, ast.Global,
    ast.Nonlocal, ast.And, ast.Or, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In,
    ast.NotIn, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Not, ast.USub, ast.BitOr, ast.BitAnd,
})  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """One binding of a name or attribute: `name = value`, `self.name = value`, `name: annotation = value`, loops, with."""

    name: str
    """`name`, or `self.name` for an attribute of the instance."""
    value: ast.expr | None
    annotation: ast.expr | None
    node: ast.AST
    how: Literal["plain", "unpack", "loop", "with", "add", "walrus", "except"] = "plain"
    index: int | None = None
    """Which element of the value, when a tuple is unpacked."""


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class or function, and what is bound and done directly in it (nested scopes have their own)."""

    kind: Literal["module", "class", "function"]
    name: str
    """Dotted: `app.users.Service.read`; a function in a function has `.<locals>.` left out."""
    node: ast.AST
    parent: Scope | None
    imports: dict[str, str] = field(default_factory=dict)
    """Local name to dotted target, relative imports made absolute within the checked folder."""
    stars: list[str] = field(default_factory=list)
    children: dict[str, Scope] = field(default_factory=dict)
    assigned: dict[str, list[Assignment]] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    nodes: dict[type[ast.AST], list[ast.AST]] = field(default_factory=lambda: defaultdict(list))
    every: list[Scope] = field(default_factory=list)
    """Nested scopes directly inside, overloads and redefinitions included."""
    _within: tuple[Scope, ...] = ()

    @classmethod
    def of_module(cls, name: str, tree: ast.Module, *, package: bool = False) -> Scope:
        """The scope of a module with all nested ones, from one walk. `package` says that it is an `__init__`."""
        scope = cls("module", name, tree, None)
        parts = [part for part in name.split(".") if part]
        _Walk(parts if package else parts[:-1]).body(tree.body, scope)
        return scope

    @property
    def module(self) -> Scope:
        """The module's scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def enclosing_class(self) -> Scope | None:
        """The class whose method this is (or is nested in); the class itself for a class."""
        scope: Scope | None = self
        while scope is not None and scope.kind != "class":
            scope = scope.parent
        return scope

    @property
    def arguments(self) -> ast.arguments | None:
        """Of a function; None otherwise."""
        return self.node.args if isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)) else None

    def parameter(self, name: str) -> ast.arg | None:
        """A function's parameter of this name."""
        args = self.arguments
        if args is None:
            return None
        for group in (args.args, args.kwonlyargs, args.posonlyargs):
            for arg in group:
                if arg.arg == name:
                    return arg
        for extra in (args.vararg, args.kwarg):
            if extra is not None and extra.arg == name:
                return extra
        return None

    def within(self) -> tuple[Scope, ...]:
        """This scope and all nested ones."""
        if not self._within:
            self._within = (self, *(inner for child in self.every for inner in child.within()))
        return self._within


class _Walk:
    def __init__(self, package: list[str]) -> None:
        self._package = package

    def body(self, statements: list[ast.stmt], scope: Scope) -> None:
        for statement in statements:
            self._visit(statement, scope)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        kind = node.__class__
        special = _SPECIAL.get(kind)
        if special is not None:
            special(self, node, scope)
            if kind in _OWN:
                return
        if kind in KEPT:
            scope.nodes[kind].append(node)
        for name in HOLDING[kind]:
            value = getattr(node, name, None)
            if isinstance(value, list):
                for child in value:
                    if isinstance(child, ast.AST) and child.__class__ not in _LEAVES:
                        self._visit(child, scope)
            elif isinstance(value, ast.AST) and value.__class__ not in _LEAVES:
                self._visit(value, scope)

    def _call(self, node: ast.Call, scope: Scope) -> None:
        scope.calls.append(node)

    def _function(self, node: FunctionNode, scope: Scope) -> None:
        inner = self._child("function", node, scope)
        for decorator in node.decorator_list:
            self._visit_any(decorator, scope)
        # Defaults and annotations belong to the outside.
        self._visit(node.args, scope)
        if node.returns is not None:
            self._visit_any(node.returns, scope)
        self.body(node.body, inner)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        inner = self._child("class", node, scope)
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self._visit_any(outside, scope)
        self.body(node.body, inner)

    def _visit_any(self, node: ast.AST, scope: Scope) -> None:
        if node.__class__ not in _LEAVES:
            self._visit(node, scope)

    def _child(self, kind: Literal["class", "function"], node: FunctionNode | ast.ClassDef, scope: Scope) -> Scope:
        inner = Scope(kind, f"{scope.name}.{node.name}", node, scope)
        scope.children[node.name] = inner
        scope.every.append(inner)
        return inner

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            if alias.asname:
                scope.imports[alias.asname] = alias.name
            else:
                top = alias.name.partition(".")[0]
                scope.imports[top] = top

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        base = self._base(node)
        for alias in node.names:
            if alias.name == "*":
                scope.stars.append(base)
            else:
                scope.imports[alias.asname or alias.name] = f"{base}.{alias.name}" if base else alias.name

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        up = node.level - 1
        parts = self._package[: len(self._package) - up] if up else self._package
        # A leading dot says: from the checked folder, not from an import root.
        return "." + ".".join([*parts, *([node.module] if node.module else [])])

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            self._bind(target, node.value, None, node, scope)

    def _ann_assign(self, node: ast.AnnAssign, scope: Scope) -> None:
        self._bind(node.target, node.value, node.annotation, node, scope)

    def _aug_assign(self, node: ast.AugAssign, scope: Scope) -> None:
        self._bind(node.target, node.value, None, node, scope, "add")

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> None:
        self._bind(node.target, node.value, None, node, scope, "walrus")

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        self._bind(node.target, node.iter, None, node, scope, "loop")

    def _comprehension(self, node: ast.comprehension, scope: Scope) -> None:
        self._bind(node.target, node.iter, None, node, scope, "loop")

    def _with_item(self, node: ast.withitem, scope: Scope) -> None:
        if node.optional_vars is not None:
            self._bind(node.optional_vars, node.context_expr, None, node, scope, "with")

    def _handler(self, node: ast.ExceptHandler, scope: Scope) -> None:
        if node.name:
            self._put(node.name, Assignment(node.name, node.type, None, node, "except"), scope)

    def _bind(  # noqa: PLR0917
        self,
        target: ast.expr,
        value: ast.expr | None,
        annotation: ast.expr | None,
        node: ast.AST,
        scope: Scope,
        how: Literal["plain", "unpack", "loop", "with", "add", "walrus"] = "plain",
        index: int | None = None,
    ) -> None:
        if isinstance(target, ast.Name):
            self._put(target.id, Assignment(target.id, value, annotation, node, how, index), scope)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            name = f"{target.value.id}.{target.attr}"
            self._put(name, Assignment(name, value, annotation, node, how, index), scope)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, value, None, node, scope, how)
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = value.elts if how == "plain" and isinstance(value, (ast.Tuple, ast.List)) else None
            for number, element in enumerate(target.elts):
                if values is not None and len(values) == len(target.elts):
                    self._bind(element, values[number], None, node, scope)
                else:
                    self._bind(element, value, None, node, scope, "unpack" if how == "plain" else how, number)

    @staticmethod
    def _put(name: str, assignment: Assignment, scope: Scope) -> None:
        scope.assigned.setdefault(name, []).append(assignment)


_SPECIAL: dict[type[ast.AST], Callable[[_Walk, Any, Scope], None]] = {
    ast.Call: _Walk._call,
    ast.FunctionDef: _Walk._function,
    ast.AsyncFunctionDef: _Walk._function,
    ast.ClassDef: _Walk._class,
    ast.Import: _Walk._import,
    ast.ImportFrom: _Walk._import_from,
    ast.Assign: _Walk._assign,
    ast.AnnAssign: _Walk._ann_assign,
    ast.AugAssign: _Walk._aug_assign,
    ast.NamedExpr: _Walk._walrus,
    ast.For: _Walk._for,
    ast.AsyncFor: _Walk._for,
    ast.comprehension: _Walk._comprehension,
    ast.withitem: _Walk._with_item,
    ast.ExceptHandler: _Walk._handler,
}
_OWN = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom})
