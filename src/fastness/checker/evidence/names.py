"""What a name in the source means: followed through imports, aliases, classes and annotations, across files.

`Names.resolve` says what an expression names, `Names.kind` what class its value is of, `Names.dotted` puts either into a
word that rules can compare: `fastapi.Depends`, `app.users.Service.read`, `sqlalchemy.orm.Session.execute`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from fastness.checker.evidence.ancestry import Ancestry
from fastness.checker.evidence.found import External, Found, Instance, Parameter, Variable
from fastness.checker.evidence.imports import Imports
from fastness.checker.evidence.kinds import Kinds
from fastness.checker.evidence.known import canonical
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.source import Module

DEEP = 12
"""Steps through aliases, bases and returns before the answer is "unknown"; cycles end here too."""
_NAMING = frozenset({ast.Name, ast.Attribute, ast.Subscript, ast.Await, ast.Call})


class Names:
    """Resolution over all modules of a project."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.imports = Imports(modules)
        self._resolved: dict[tuple[int, int], Found | None] = {}
        self._kinds = Kinds(self)
        self._ancestry = Ancestry(self, self._kinds)

    def module(self, scope: Scope) -> Module:
        """The file a scope stands in."""
        return self.imports.by_scope[id(scope.module)]

    def dotted(self, scope: Scope, expr: ast.expr) -> str:
        """The canonical name of what `expr` names; `?.attribute` where only the attribute is known; empty for others."""
        found = self.resolve(scope, expr)
        if found is not None:
            return self.name(found)
        if isinstance(expr, ast.Attribute):
            return f"?.{expr.attr}"
        return expr.id if isinstance(expr, ast.Name) else ""

    @staticmethod
    def name(found: Found) -> str:
        """One word for what was found."""
        if isinstance(found, External):
            return canonical(found.name)
        if isinstance(found, Scope):
            return found.name
        if isinstance(found, Variable):
            return f"{found.scope.name}.{found.name}"
        if isinstance(found, Parameter):
            return f"{found.scope.name}.{found.arg.arg}"
        return Names.name(found.of)

    def resolve(self, scope: Scope, expr: ast.expr, deep: int = 0) -> Found | None:
        """What `expr` names, seen from `scope`; aliases are followed."""
        if expr.__class__ not in _NAMING or deep > DEEP:
            return None
        key = (id(scope), id(expr))
        try:
            return self._resolved[key]
        except KeyError:
            self._resolved[key] = None  # a cycle meets this
        found = self._resolved[key] = self._resolve(scope, expr, deep)
        return found

    def _resolve(self, scope: Scope, expr: ast.expr, deep: int) -> Found | None:
        match expr:
            case ast.Name(id=name):
                return self._aliased(self.lookup(scope, name, deep + 1), deep + 1)
            case ast.Attribute(value=value, attr=attr):
                base = self.resolve(scope, value, deep + 1)
                if base is None:
                    return None
                return self._aliased(self.attribute(base, attr, deep + 1), deep + 1)
            case ast.Subscript(value=value):
                found = self.resolve(scope, value, deep + 1)
                return found if isinstance(found, (Scope, External)) else None
            case ast.Await(value=value):
                return self.resolve(scope, value, deep + 1)
            case ast.Call(func=ast.Name(id="super")):
                owner = scope.enclosing_class
                base = next(iter(self.bases(owner)), None) if owner is not None else None
                return Instance(base) if base is not None else None
            case ast.Call():
                kind = self.kind(scope, expr, deep + 1)
                return Instance(kind) if kind is not None else None
            case _:
                return None

    def lookup(self, scope: Scope, name: str, deep: int = 0) -> Found | None:
        """What the bare `name` means in `scope`, by Python's rules of scope."""
        current: Scope | None = scope
        while current is not None:
            if current.kind != "class" or current is scope:
                found = self._own(current, name, deep)
                if found is not None:
                    return found
            current = current.parent
        module = scope.module
        for star in module.stars:
            found = self._imported(f"{star}.{name}" if star != "." else f".{name}", self.module(scope), deep + 1)
            if found is not None and not isinstance(found, External):
                return found
            if (
                isinstance(found, External)
                and not star.startswith(".")
                and self.imports.module(star, self.module(scope)) is None
                and name in _STARRED.get(star, ())
            ):
                return found
        return None

    def _own(self, scope: Scope, name: str, deep: int) -> Found | None:
        if scope.kind == "function":
            arg = scope.parameter(name)
            if arg is not None and name not in scope.assigned:
                return self._self(scope, arg) or Parameter(scope, arg)
        if name in scope.imports:
            return self._imported(scope.imports[name], self.module(scope), deep)
        if name in scope.children:
            return scope.children[name]
        if name in scope.assigned:
            return Variable(scope, name, tuple(scope.assigned[name]))
        if scope.kind == "function":
            arg = scope.parameter(name)
            return Parameter(scope, arg) if arg is not None else None
        return None

    def _self(self, scope: Scope, arg: ast.arg) -> Found | None:
        owner = scope.parent
        args = scope.arguments
        if owner is None or owner.kind != "class" or args is None:
            return None
        first = next(iter((*args.posonlyargs, *args.args)), None)
        decorators = {d.id for d in getattr(scope.node, "decorator_list", ()) if isinstance(d, ast.Name)}
        if first is not arg or "staticmethod" in decorators:
            return None
        return owner if "classmethod" in decorators or arg.arg == "cls" else Instance(owner)

    def _imported(self, dotted: str, importer: Module, deep: int) -> Found | None:
        """The thing behind a dotted import: the longest module of ours, then its attributes; else external."""
        if deep > DEEP:
            return None
        leading = "." if dotted.startswith(".") else ""
        parts = dotted.removeprefix(".").split(".")
        for end in range(len(parts), 0, -1):
            module = self.imports.module(leading + ".".join(parts[:end]), importer)
            if module is None:
                continue
            found: Found | None = module.scope
            for attr in parts[end:]:
                found = self.attribute(found, attr, deep + 1) if found is not None else None
            if found is not None:
                return found
        return External(dotted)

    def attribute(self, base: Found, attr: str, deep: int = 0) -> Found | None:
        """`base.attr`."""
        if deep > DEEP:
            return None
        match base:
            case Scope(kind="module"):
                return self._module_attribute(base, attr, deep)
            case Scope(kind="class"):
                return self.member(base, attr)
            case Scope():
                return External(f"{base.name}.{attr}")
            case External(name):
                sub = self._submodule(name, attr)
                return sub or External(f"{name}.{attr}")
            case Instance(of):
                if isinstance(of, External):
                    return External(f"{of.name}.{attr}")
                return self.member(of, attr)
            case Variable() | Parameter():
                kind = self._kinds.of_found(base, deep + 1)
                if kind is not None:
                    return self.attribute(Instance(kind), attr, deep + 1)
                return External(f"{self.name(base)}.{attr}")

    def _submodule(self, name: str, attr: str) -> Found | None:
        """`import app.main` binds `app`, which may be a folder without a file of its own."""
        if name.startswith("."):
            module = self.imports.by_name.get(f"{name[1:]}.{attr}")
            return module.scope if module else None
        return None

    def _module_attribute(self, scope: Scope, attr: str, deep: int) -> Found | None:
        found = self.lookup(scope, attr, deep + 1)
        if found is not None and not (isinstance(found, External) and found.name == f".{scope.name}.{attr}"):
            return self._aliased(found, deep + 1)
        module = self.imports.by_name.get(f"{scope.name}.{attr}")
        return module.scope if module else None

    def member(self, owner: Scope, attr: str) -> Found | None:
        """`attr` of an instance of a class of the project: a method, an attribute, or what a base outside has."""
        for cls in self.lineage(owner):
            if isinstance(cls, External):
                continue
            if attr in cls.children:
                return cls.children[attr]
            if attr in cls.assigned:
                return Variable(cls, attr, tuple(cls.assigned[attr]))
            for method in cls.every:
                assigned = method.assigned.get(f"self.{attr}") if method.kind == "function" else None
                if assigned:
                    return Variable(method, f"self.{attr}", tuple(assigned))
        outside = [cls for cls in self.lineage(owner) if isinstance(cls, External)]
        return External(f"{outside[0].name}.{attr}") if outside else External(f"{owner.name}.{attr}")

    def lineage(self, owner: Scope) -> Iterator[Scope | External]:
        """A class and all its bases, nearest first."""
        return self._ancestry.lineage(owner)

    def bases(self, owner: Scope) -> tuple[Scope | External, ...]:
        """The direct bases of a class."""
        return self._ancestry.bases(owner)

    def is_a(self, kind: Found | None, *names: str) -> bool:
        """Whether a class is one of these, or has one among its bases. A name without dots compares the last part."""
        return self._ancestry.is_a(kind, *names)

    def _aliased(self, found: Found | None, deep: int) -> Found | None:
        """The thing behind `name = other.name`."""
        while isinstance(found, Variable) and len(found.assignments) == 1 and deep < DEEP:
            assignment = found.last
            if assignment.how != "plain" or not isinstance(assignment.value, (ast.Name, ast.Attribute)):
                break
            behind = self.resolve(found.scope, assignment.value, deep + 1)
            if behind is None or (isinstance(behind, External) and "?" in behind.name):
                break
            found, deep = behind, deep + 1
        return found

    def kind(self, scope: Scope, expr: ast.expr, deep: int = 0) -> Scope | External | None:
        """The class of the value of `expr`."""
        return self._kinds.of(scope, expr, deep)

    def annotated(self, scope: Scope, annotation: ast.expr) -> Scope | External | None:
        """The class that an annotation means."""
        return self._kinds.annotated(scope, annotation)

    def quoted(self, text: str) -> ast.expr | None:
        """An annotation in quotes as an expression, the same object each time."""
        return self._kinds.quoted(text)

    def called(self, scope: Scope, call: ast.Call) -> Scope | None:
        """The function of the project that a call runs: a function, a method, a class's `__init__` or `__call__`."""
        return self.runs(self.resolve(scope, call.func))

    def runs(self, found: Found | None) -> Scope | None:
        """The function that runs when `found` is called."""
        match found:
            case Scope(kind="function"):
                return found
            case Scope(kind="class"):
                member = self.member(found, "__init__")
            case Instance(of) if isinstance(of, Scope):
                member = self.member(of, "__call__")
            case Variable() | Parameter():
                kind = self._kinds.of_found(found, 0)
                member = self.member(kind, "__call__") if isinstance(kind, Scope) else None
            case _:
                member = None
        return member if isinstance(member, Scope) and member.kind == "function" else None


_STARRED = {
    "fastapi": frozenset({"FastAPI", "APIRouter", "Depends", "HTTPException", "Request", "Response", "Security"}),
}
