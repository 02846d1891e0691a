"""Functions and calls as rules see them: thin views over scopes that know their project.

for call in function.calls("execute"):
    query = call.arg(0)                   # the expression
    call.value("timeout")                 # what it can be: a Value
    call.target                           # the project's function that runs, or None
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from fastness.checker.evidence.found import matches
from fastness.checker.evidence.scope import Assignment, FunctionNode, Scope
from fastness.checker.evidence.source import Module
from fastness.checker.evidence.value import Value
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.classes import Class
    from fastness.checker.evidence.project import Project

N = TypeVar("N", bound=ast.AST)
DEEP = 3
"""How far `reaches` follows calls by default."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call in the source, its arguments by name or position."""

    project: Project
    scope: Scope
    node: ast.Call
    name: str
    """Canonical dotted name of what is called: `sqlalchemy.text`, `app.users.Service.read`, `?.execute`."""
    skipped: int = 0
    """Leading arguments that are not the callee's: `add_middleware(CORSMiddleware, ...)` is a call of CORSMiddleware."""

    @property
    def module(self) -> Module:
        """The file."""
        return self.project.names.module(self.scope)

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.module.place(self.node)

    @property
    def code(self) -> str:
        """Its text."""
        return self.module.code(self.node)

    @property
    def function(self) -> Function | None:
        """The function it stands in; None at module or class level."""
        scope: Scope | None = self.scope
        while scope is not None and scope.kind != "function":
            scope = scope.parent
        return self.project.function_of(scope) if scope is not None else None

    @property
    def receiver(self) -> ast.expr | None:
        """What stands before the dot of a method call."""
        return self.node.func.value if isinstance(self.node.func, ast.Attribute) else None

    @property
    def positional(self) -> list[ast.expr]:
        """The positional arguments."""
        return self.node.args[self.skipped :]

    @property
    def keywords(self) -> dict[str, ast.expr]:
        """The keyword arguments; `**extra` is followed when it is a known dict."""
        found = {k.arg: k.value for k in self.node.keywords if k.arg}
        for keyword in self.node.keywords:
            if keyword.arg is None:
                found = {**self.project.dict_items(self.scope, keyword.value), **found}
        return found

    @property
    def spread(self) -> bool:
        """Whether `*args` or `**kwargs` may bring arguments that are not seen."""
        stars = any(isinstance(a, ast.Starred) for a in self.node.args)
        return stars or any(
            k.arg is None and not self.project.dict_items(self.scope, k.value) for k in self.node.keywords
        )

    def arg(self, *wanted: str | int) -> ast.expr | None:
        """The first argument that is there, by name or position: `arg("algorithms", 2)`."""
        keywords = self.keywords
        for key in wanted:
            if isinstance(key, str):
                if key in keywords:
                    return keywords[key]
            elif key < len(self.positional) and not any(isinstance(a, ast.Starred) for a in self.positional[: key + 1]):
                return self.positional[key]
        return None

    def value(self, *wanted: str | int) -> Value:
        """What that argument can be; unknown when it is not there (ask `has`)."""
        return self.project.value(self.scope, self.arg(*wanted))

    def has(self, *wanted: str | int) -> bool:
        """Whether that argument is given."""
        return self.arg(*wanted) is not None

    @property
    def target(self) -> Function | None:
        """The function of the project that runs."""
        return self.project.target_of(self.scope, self.node)

    def is_a(self, *names: str) -> bool:
        """Whether it calls one of these, or a class that has one of them among its bases."""
        if matches(self.name, names):
            return True
        return self.project.names.is_a(self.project.names.resolve(self.scope, self.node.func), *names)


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """One function or method of the project."""

    project: Project
    scope: Scope

    @property
    def name(self) -> str:
        """Dotted: `app.users.Service.read`."""
        return self.scope.name

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.scope.short

    @property
    def node(self) -> FunctionNode:
        """Its syntax."""
        node = self.scope.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))  # noqa: S101 - what a function scope is
        return node

    @property
    def module(self) -> Module:
        """The file."""
        return self.project.names.module(self.scope)

    @property
    def place(self) -> Place:
        """From its first decorator to its last line."""
        return self.module.place(self.node)

    @property
    def line(self) -> Place:
        """The line with `def` alone."""
        node = self.node
        return Place(self.module.path, node.lineno, node.lineno, node.col_offset + 1)

    @property
    def owner(self) -> Class | None:
        """The class, for a method."""
        parent = self.scope.parent
        return self.project.class_of(parent) if parent is not None and parent.kind == "class" else None

    @property
    def parameters(self) -> list[ast.arg]:
        """All parameters, `self` and `cls` of methods left out."""
        args = self.node.args
        every = [*args.posonlyargs, *args.args]
        parent = self.scope.parent
        static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in self.node.decorator_list)
        if parent is not None and parent.kind == "class" and not static:
            every = every[1:]
        extra = [a for a in (args.vararg, args.kwarg) if a is not None]
        return [*every, *args.kwonlyargs, *extra]

    @property
    def decorators(self) -> list[tuple[str, ast.expr]]:
        """Canonical name and expression of each decorator, outermost first; a call's name is that of what is called."""
        outside = self.scope.parent or self.scope
        found = []
        for expr in self.node.decorator_list:
            named = expr.func if isinstance(expr, ast.Call) else expr
            found.append((self.project.names.dotted(outside, named), expr))
        return found

    @property
    def docstring(self) -> str:
        """Its docstring or nothing."""
        return ast.get_docstring(self.node) or ""

    def decorated(self, *names: str) -> bool:
        """Whether one of its decorators is one of these."""
        return any(matches(name, names) for name, _ in self.decorators)

    def calls(self, *names: str) -> Iterator[Call]:
        """Its calls, nested functions' included, in the order of the source; with `names`, only calls of these."""
        for scope in self.scope.within():
            for node in scope.calls:
                call = self.project.call_of(scope, node)
                if not names or call.is_a(*names):
                    yield call

    def nodes(self, kind: type[N]) -> Iterator[N]:
        """Its nodes of a kind, nested functions' included: Compare, If, Raise, Return, Assert, ..."""
        for scope in self.scope.within():
            yield from self.project.nodes_of(scope, kind)

    def assignments(self, name: str) -> list[Assignment]:
        """Where it binds a local name or `self.name`."""
        return self.scope.assigned.get(name, [])

    @property
    def returns(self) -> list[ast.expr]:
        """What it returns itself, nested functions' returns left out."""
        return [n.value for n in self.scope.nodes.get(ast.Return, ()) if isinstance(n, ast.Return) and n.value]

    @property
    def body(self) -> list[ast.stmt]:
        """Its statements without the docstring."""
        body = self.node.body
        return body[1:] if ast.get_docstring(self.node) is not None else body

    def reaches(self, deep: int = DEEP) -> Iterator[Function]:
        """Itself and the project's functions that it calls, `deep` steps far, each once."""
        seen = {id(self.scope)}
        layer: list[Function] = [self]
        for _ in range(deep + 1):
            yield from layer
            following: list[Function] = []
            for function in layer:
                for target in self.project.callees(function):
                    if id(target.scope) not in seen:
                        seen.add(id(target.scope))
                        following.append(target)
            layer = following

    def callers(self) -> Iterator[Call]:
        """The calls in the project that run it."""
        for call in self.project.calls(self.short if self.short != "__init__" else self.scope.name.split(".")[-2]):
            target = call.target
            if target is not None and target.scope is self.scope:
                yield call

    def mentions(self, *words: str) -> bool:
        """Whether a name, attribute or text in it contains one of these words, in any case; decorators left out."""
        return any(word in self.project.words(self.scope) for word in words)
