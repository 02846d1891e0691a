"""Dependencies: what a `Depends` runs, through factories, instances, methods, aliases and lists of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.annotations import DEPENDS, Typed
from fastness.checker.evidence.found import External, Instance, Parameter, Variable, default_of, matches
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 6
_READY = re.compile(
    r"^fastness\.[\w.]*\b(CurrentUser|OptionalUser)$|\.(Current|Authenticated|LoggedIn|Signed)\w*(User|Account|Principal|Identity)(Dep)?$"
)

_ACCOUNTS = re.compile(r"^fastness\.accounts\.[\w.]*\bAccounts$")


@dataclass(frozen=True, slots=True, eq=False)
class Dependency:
    """One `Depends(...)`, resolved."""

    scope: Scope
    call: ast.Call | None
    """The `Depends(...)` itself; None for a class used as its own annotation."""
    functions: tuple[Function, ...]
    """What runs: usually one; several when a factory returns one of several."""
    names: tuple[str, ...]
    """Canonical names on the way: the factory, the function, the class; external ones too."""
    factory: tuple[Function, ...] = ()
    """Functions of the project that made it."""
    arguments: tuple[tuple[Scope, ast.expr], ...] = ()
    """What a factory or class was given: `require_role("admin")`."""
    scopes: tuple[str, ...] = ()
    """`Security(..., scopes=[...])`."""

    @property
    def name(self) -> str:
        """The name that people know it by."""
        return self.names[0] if self.names else ""


class Depending:
    """Resolves dependencies of functions and of lists."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._of: dict[int, tuple[Dependency, ...]] = {}

    def of(self, function: Function) -> tuple[Dependency, ...]:
        """The direct dependencies in a function's signature."""
        key = id(function.scope)
        if key not in self._of:
            self._of[key] = ()
            self._of[key] = tuple(self._search(function))
        return self._of[key]

    def of_handler(self, handler: Function) -> list[Dependency]:
        """The direct dependencies of what a route runs; of a method in a class-based view, the class's first."""
        owner = handler.owner
        return [*(self.of_class(owner.scope) if owner is not None else ()), *self.of(handler)]

    def within(self, scope: Scope) -> Iterator[Dependency]:
        """Every `Depends(...)` that is written anywhere in a scope."""
        for inner in scope.within():
            for node in inner.calls:
                if matches(self._project.names.dotted(inner, node.func), ("fastapi.Depends", "fastapi.Security")):
                    yield self.depends(inner, node)

    def functions(self, dependencies: list[Dependency]) -> Iterator[Function]:
        """What these run, and what that depends on in turn; each once, the outermost first."""
        seen: set[int] = set()
        todo = list(dependencies)
        while todo:
            for function in todo.pop(0).functions:
                if id(function.scope) not in seen:
                    seen.add(id(function.scope))
                    yield function
                    todo.extend(self.of(function))

    def _search(self, function: Function) -> Iterator[Dependency]:
        outside = function.scope.parent or function.scope
        for arg in function.parameters:
            typed = self._project.annotations.typed(outside, arg.annotation, default_of(function.scope, arg))
            found = self.typed(typed) or self._ready(typed)
            if found is not None:
                yield found

    def _ready(self, typed: Typed) -> Dependency | None:
        """An alias of another package that holds its own dependency: `user: CurrentUser`."""
        for scope, call in typed.calls():
            if isinstance(call.func, ast.Attribute) and call.func.attr == "user":
                made = self._project.names.kind(scope, call.func.value)
                if isinstance(made, External) and _ACCOUNTS.search(made.name):
                    # The package's own accounts: `Annotated[Person, accounts.user(role="admin")]`.
                    scopes = tuple(written(k.value) for k in call.keywords if k.arg == "role")
                    return Dependency(typed.scope, call, (), ("fastness.accounts.CurrentUser",), scopes=scopes)
        if not isinstance(typed.base, (ast.Name, ast.Attribute)):
            return None
        found = self._project.names.resolve(typed.scope, typed.base)
        if isinstance(found, External) and _READY.search(found.name):
            return Dependency(typed.scope, None, (), (self._project.names.name(found),))
        return None

    def of_class(self, scope: Scope) -> Iterator[Dependency]:
        """Dependencies that a class-based view declares as attributes or in its constructor."""
        for cls in self._project.names.lineage(scope):
            if not isinstance(cls, Scope):
                continue
            for assignments in cls.assigned.values():
                last = assignments[-1]
                found = self.typed(self._project.annotations.typed(cls, last.annotation, last.value))
                if found is not None:
                    yield found
            init = cls.children.get("__init__")
            if init is not None and init.kind == "function":
                yield from self.of(self._project.function_of(init))

    def typed(self, typed: Typed) -> Dependency | None:
        """The dependency in an annotation or default, if there is one."""
        found = [self.depends(s, c, typed) for s, c in typed.calls() if self._is_depends(s, c)]
        if len(found) <= 1:
            return found[0] if found else None
        # A home-made function that returns one of several: all that it may be.
        return Dependency(
            found[0].scope,
            found[0].call,
            tuple(dict.fromkeys(f for one in found for f in one.functions)),
            tuple(dict.fromkeys(n for one in found for n in one.names)),
            tuple(dict.fromkeys(f for one in found for f in one.factory)),
            tuple(a for one in found for a in one.arguments),
            tuple(dict.fromkeys(s for one in found for s in one.scopes)),
        )

    def _is_depends(self, scope: Scope, call: ast.Call) -> bool:
        name = self._project.names.dotted(scope, call.func)
        return matches(name, DEPENDS) or (name.endswith(".__init__") and isinstance(call.func, ast.Attribute))

    def depends(self, scope: Scope, call: ast.Call, typed: Typed | None = None) -> Dependency:
        """What `Depends(...)` runs; without an argument, the annotated class."""
        view = self._project.call_of(scope, call)
        argument = view.arg("dependency", 0)
        scopes = tuple(v.text for v in view.value("scopes", 1) if v.text)
        if argument is not None:
            made = self.callable(scope, argument)
        elif typed is not None and typed.base is not None:
            made = self.callable(typed.scope, typed.base)
        else:
            made = _Made()
        return Dependency(
            scope, call, tuple(made.functions), tuple(made.names), tuple(made.factory), tuple(made.arguments), scopes
        )

    def listed(self, scope: Scope, expr: ast.expr | None, deep: int = 0) -> Iterator[Dependency]:
        """The dependencies in `dependencies=[...]`, through names, sums, unpacking and functions that return them."""
        if expr is None or deep > DEEP:
            return
        match expr:
            case ast.Call(func=func):
                word = self._project.names.dotted(scope, func).rpartition(".")[2]
                if word in {"Depends", "Security"}:
                    yield self.depends(scope, expr)
                    return
                found = self._project.names.resolve(scope, func)
                if isinstance(found, Scope) and found.kind == "function":
                    for value in self._project.function_of(found).returns:
                        yield from self.listed(found, value, deep + 1)
                elif isinstance(found, External):
                    # `RateLimiter(...)` without Depends is no dependency; Fastness's `limit(...)` is one by itself.
                    made = self.callable(scope, expr)
                    yield Dependency(
                        scope, None, tuple(made.functions), tuple(made.names), arguments=tuple(made.arguments)
                    )
            case ast.Name() | ast.Attribute():
                named = self._project.names.resolve(scope, expr)
                if isinstance(named, Variable):
                    for assignment in named.assignments:
                        yield from self.listed(named.scope, assignment.value, deep + 1)
                    yield from self._appended(named, deep)
                elif isinstance(named, Parameter):
                    default = default_of(named.scope, named.arg)
                    yield from self.listed(named.scope, default, deep + 1)
            case _:
                for child in ast.iter_child_nodes(expr):
                    if isinstance(child, ast.expr):
                        yield from self.listed(scope, child, deep + 1)

    def _appended(self, named: Variable, deep: int) -> Iterator[Dependency]:
        for call in named.scope.calls:
            func = call.func
            if (
                isinstance(func, ast.Attribute)
                and func.attr in {"append", "extend", "insert"}
                and isinstance(func.value, ast.Name)
                and func.value.id == named.name
                and call.args
            ):
                yield from self.listed(named.scope, call.args[-1], deep + 1)

    def callable(self, scope: Scope, expr: ast.expr, deep: int = 0) -> _Made:
        """The functions that run when the value of `expr` is called, with the names on the way."""
        made = _Made()
        if deep > DEEP:
            return made
        match expr:
            case ast.Lambda():
                made.names.append("lambda")
                for node in walk(expr.body):
                    if isinstance(node, ast.Call):
                        target = self._project.names.called(scope, node)
                        if target is not None:
                            made.functions.append(self._project.function_of(target))
                        made.names.append(self._project.names.dotted(scope, node.func))
            case ast.Call():
                self._made_by(scope, expr, made, deep)
            case ast.Name() | ast.Attribute():
                self._named(scope, expr, made, deep)
            case ast.Subscript(value=value) | ast.Await(value=value):
                made.join(self.callable(scope, value, deep + 1))
            case ast.IfExp(body=body, orelse=orelse):
                made.join(self.callable(scope, body, deep + 1))
                made.join(self.callable(scope, orelse, deep + 1))
            case ast.BoolOp(values=values):
                for value in values:
                    made.join(self.callable(scope, value, deep + 1))
        return made

    def _named(self, scope: Scope, expr: ast.Name | ast.Attribute, made: _Made, deep: int) -> None:
        found = self._project.names.resolve(scope, expr)
        made.names.append(self._project.names.dotted(scope, expr) or written(expr))
        if isinstance(found, Variable):
            for assignment in found.assignments:
                if isinstance(assignment.value, (ast.Call, ast.Lambda, ast.IfExp, ast.Attribute, ast.Name)):
                    made.join(self.callable(found.scope, assignment.value, deep + 1))
        elif isinstance(found, Scope) and found.kind == "class" and "__init__" not in found.children:
            init = self._project.names.runs(found)
            if init is not None:
                made.functions.append(self._project.function_of(init))
        else:
            runs = self._project.names.runs(found)
            if runs is not None:
                made.functions.append(self._project.function_of(runs))

    def _made_by(self, scope: Scope, call: ast.Call, made: _Made, deep: int) -> None:
        name = self._project.names.dotted(scope, call.func)
        made.names.append(name or written(call.func))
        made.arguments.extend((scope, a) for a in (*call.args, *(k.value for k in call.keywords)))
        if name.rpartition(".")[2] == "partial" and call.args:
            made.join(self.callable(scope, call.args[0], deep + 1))
            return
        found = self._project.names.resolve(scope, call.func)
        if isinstance(found, Scope) and found.kind == "class":
            runs = self._project.names.runs(Instance(found))
            if runs is not None:
                made.functions.append(self._project.function_of(runs))
            made.factory.extend(
                self._project.function_of(m) for m in found.every if m.kind == "function" and m.short == "__init__"
            )
            return
        target = found if isinstance(found, Scope) else self._project.names.runs(found)
        if isinstance(target, Scope) and target.kind == "function":
            function = self._project.function_of(target)
            made.factory.append(function)
            for value in function.returns:
                made.join(self.callable(target, value, deep + 1))


class _Made:
    """What was found on the way to a callable."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.names: list[str] = []
        self.factory: list[Function] = []
        self.arguments: list[tuple[Scope, ast.expr]] = []

    def join(self, other: _Made) -> None:
        self.functions.extend(one for one in other.functions if one not in self.functions)
        self.names.extend(one for one in other.names if one not in self.names)
        self.factory.extend(one for one in other.factory if one not in self.factory)
        self.arguments.extend(other.arguments)
