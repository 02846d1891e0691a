"""Where a value comes from: the request, the environment, a constant, a store; followed through names and calls.

for source in project.flow.origins(call.scope, call.arg(0)):
    if source.kind == "request" and source.direct and not source.harmless: ...
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.annotations import Typed
from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.entries import Entries
from fastness.checker.evidence.found import External, Parameter, Variable, default_of
from fastness.checker.evidence.origin import Source, Sources, fewer, leaves_no_text
from fastness.checker.evidence.reading import environment
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.values import SETTINGS
from fastness.checker.evidence.written import written
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.functions import Call
    from fastness.checker.evidence.project import Project

DEEP = 24
"""Steps inside expressions and names."""
FAR = 3
"""Calls that are followed into functions and back to callers."""
MOST_CALLERS = 12
_NOT_TEXT: Mapping[str, Literal["dependency", "unknown"]] = {
    "app": "unknown", "state": "unknown", "client": "unknown", "method": "unknown", "receive": "unknown",
    "user": "dependency", "auth": "dependency", "session": "dependency",
}  # fmt: skip
"""Attributes of a request that hold what the program or the server put there."""
_SERVICE = re.compile(
    r"^(requests|httpx2?|aiohttp|urllib3?|urllib\.request)\..*(get|post|put|patch|request|send|urlopen|stream)$"
)
"""Calls of another service: the answer is its own, not what was asked."""
_NOT_INPUT = ("BackgroundTasks", "starlette.responses.Response", "Response", "SecurityScopes")
_NOTHING: Sources = frozenset()


class Flow:
    """Questions about where values come from."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[tuple[int, int, int], Sources] = {}
        self._entries = Entries(project)
        self._callers: dict[int, list[Call]] = {}

    def origins(self, scope: Scope, expr: ast.expr | None, far: int = FAR) -> Sources:
        """All places that `expr` may come from, seen from `scope`."""
        return self._of(scope, expr, far, 0)

    def requested(self, scope: Scope, expr: ast.expr | None) -> list[Source]:
        """The sources that are text of the client's choice and arrive unchanged."""
        return [s for s in self.origins(scope, expr) if s.kind == "request" and s.direct and not s.harmless]

    def entry(self, scope: Scope) -> bool:
        """Whether a function's parameters are filled by FastAPI: a handler or a dependency."""
        return self._entries.entry(scope)

    def is_dependency(self, scope: Scope) -> bool:
        """Whether some `Depends` runs a function: by its name, or as the `__call__` of a class."""
        return self._entries.is_dependency(scope)

    def is_request(self, scope: Scope, expr: ast.expr) -> bool:
        """Whether an expression is the request or websocket object."""
        return self._entries.is_request(scope, expr)

    def _of(self, scope: Scope, expr: ast.expr | None, far: int, deep: int) -> Sources:
        if expr is None or deep > DEEP:
            return _NOTHING
        key = (id(scope), id(expr), far)
        if key not in self._known:
            self._known[key] = _NOTHING
            self._known[key] = fewer(self._search(scope, expr, far, deep + 1))
        return self._known[key]

    def _search(self, scope: Scope, expr: ast.expr, far: int, deep: int) -> Sources:
        read = environment(self._project.names, scope, expr)
        if read is not None:
            return frozenset({Source("environment", read.variable, place=self._project.place(scope, expr))})
        match expr:
            case ast.Constant():
                return frozenset({Source("literal", repr(expr.value)[:80], place=self._project.place(scope, expr))})
            case ast.Name():
                return self._name(scope, expr, far, deep)
            case ast.Attribute():
                return self._attribute(scope, expr, far, deep)
            case ast.Subscript(value=value) | ast.Starred(value=value) | ast.Await(value=value):
                return self._of(scope, value, far, deep)
            case ast.NamedExpr(value=value) | ast.FormattedValue(value=value):
                return self._of(scope, value, far, deep)
            case ast.IfExp(body=body, orelse=orelse):
                return self._all(scope, (body, orelse), far, deep)
            case ast.Call():
                return self._call(scope, expr, far, deep)
            case ast.Compare() | ast.Lambda():
                return frozenset({Source("unknown", typed=True)})
            case ast.ListComp(elt=elt) | ast.SetComp(elt=elt) | ast.GeneratorExp(elt=elt):
                return self._of(scope, elt, far, deep)
            case ast.DictComp(key=one, value=other):
                return self._all(scope, (one, other), far, deep)
            case _:
                children = (c for c in ast.iter_child_nodes(expr) if isinstance(c, ast.expr))
                return self._all(scope, children, far, deep)

    def _all(self, scope: Scope, exprs: Iterable[ast.expr], far: int, deep: int) -> Sources:
        found: set[Source] = set()
        for expr in exprs:
            found |= self._of(scope, expr, far, deep)
        return frozenset(found)

    def _name(self, scope: Scope, expr: ast.Name, far: int, deep: int) -> Sources:
        found = self._project.names.lookup(scope, expr.id)
        match found:
            case Parameter(owner, arg):
                return self._parameter(owner, arg, far, deep)
            case Variable():
                return self._variable(found, far, deep)
            case External(name):
                return frozenset({Source("unknown", name)})
            case _:
                return frozenset({Source("unknown", expr.id)})

    def _variable(self, found: Variable, far: int, deep: int) -> Sources:
        gathered: set[Source] = set()
        owner = found.scope
        if owner.kind == "class" and self._project.names.is_a(owner, *SETTINGS):
            return frozenset({Source("environment", found.name, place=self._project.place(owner, found.last.node))})
        for assignment in found.assignments:
            sources = self._of(owner, assignment.value, far, deep)
            if assignment.how == "loop" and assignment.index == 0 and _counts(assignment.value, sources):
                sources = frozenset(replace(s, typed=True) for s in sources)
            gathered |= sources
        return frozenset(gathered)

    def _parameter(self, owner: Scope, arg: ast.arg, far: int, deep: int) -> Sources:
        outside = owner.parent or owner
        default = default_of(owner, arg)
        typed = self._project.annotations.typed(outside, arg.annotation, default)
        place = self._project.place(owner, arg)
        if self._project.annotations.by(typed, "Depends", "Security") is not None:
            return frozenset({Source("dependency", arg.arg, typed.text, place)})
        if self.entry(owner):
            return self._input(outside, arg, typed, place)
        if far <= 0:
            return frozenset({Source("parameter", arg.arg, typed.text, place)})
        return self._from_callers(owner, arg, far, deep) or frozenset({Source("parameter", arg.arg, typed.text, place)})

    def _input(self, outside: Scope, arg: ast.arg, typed: Typed, place: Place) -> Sources:
        kind = self._project.names.annotated(outside, arg.annotation) if arg.annotation is not None else None
        if kind is not None and self._project.names.is_a(kind, *_NOT_INPUT):
            return frozenset({Source("unknown", arg.arg)})
        shaped = any(key in {"pattern", "regex"} for key, _ in self._project.annotations.bounds(typed))
        harmless = shaped or self.harmless(typed.scope, typed.base)
        return frozenset({Source("request", arg.arg, typed.text, place, typed=harmless)})

    def harmless(self, scope: Scope, base: ast.expr | None) -> bool:
        """Whether a type leaves no room for text of the sender's choice."""
        return leaves_no_text(self._project.names, scope, base)

    def callers(self, owner: Scope) -> list[Call]:
        """The first calls in the project that run a function; searched once."""
        if id(owner) not in self._callers:
            self._callers[id(owner)] = list(islice(self._project.function_of(owner).callers(), MOST_CALLERS))
        return self._callers[id(owner)]

    def _from_callers(self, owner: Scope, arg: ast.arg, far: int, deep: int) -> Sources:
        args = owner.arguments
        if args is None:
            return _NOTHING
        positional = [a.arg for a in (*args.posonlyargs, *args.args)]
        bound = owner.parent is not None and owner.parent.kind == "class"
        at = (
            positional.index(arg.arg) - int(bound and positional[:1] in (["self"], ["cls"]))
            if arg.arg in positional
            else None
        )
        found: set[Source] = set()
        for call in self.callers(owner):
            given = call.arg(arg.arg, at) if at is not None else call.arg(arg.arg)
            if given is not None:
                found |= self._of(call.scope, given, far - 1, deep)
        return frozenset(found)

    def _attribute(self, scope: Scope, expr: ast.Attribute, far: int, deep: int) -> Sources:
        if expr.attr in _NOT_TEXT and self.is_request(scope, expr.value):
            return frozenset({Source(_NOT_TEXT[expr.attr], f"request.{expr.attr}")})
        found = self._project.names.resolve(scope, expr)
        if isinstance(found, Variable) and found.scope.kind == "class":
            base = self._of(scope, expr.value, far, deep)
            asked = [s for s in base if s.kind in {"request", "dependency"}]
            if asked:
                return frozenset(self._field(found, s) for s in asked)
            return self._variable(found, far, deep)
        if isinstance(found, Variable):
            return self._variable(found, far, deep)
        kind = self._project.names.kind(scope, expr.value)
        if kind is not None and self._project.names.is_a(kind, *SETTINGS):
            return frozenset({Source("environment", expr.attr)})
        return self._of(scope, expr.value, far, deep)

    def _field(self, field: Variable, source: Source) -> Source:
        annotation = next((a.annotation for a in field.assignments if a.annotation is not None), None)
        if annotation is None:
            return source
        value = next((a.value for a in field.assignments if a.annotation is not None), None)
        typed = self._project.annotations.typed(field.scope, annotation, value)
        shaped = any(key in {"pattern", "regex"} for key, _ in self._project.annotations.bounds(typed))
        return replace(
            source,
            name=f"{source.name}.{field.name}",
            annotation=typed.text,
            typed=shaped or self.harmless(typed.scope, typed.base),
            through=(*source.through, *(["validator"] if self._validated(field) else [])),
        )

    def _validated(self, field: Variable) -> bool:
        """Whether a validator of its model may refuse it."""
        owner = self._project.class_of(field.scope)
        return isinstance(owner, Model) and any(
            any(True for _ in validator.nodes(ast.Raise)) or any(True for _ in validator.nodes(ast.Assert))
            for validator in owner.validators(field.name)
            if not validator.decorated("model_validator", "root_validator")
        )

    def _call(self, scope: Scope, call: ast.Call, far: int, deep: int) -> Sources:
        name = self._project.names.dotted(scope, call.func)
        last = name.rpartition(".")[2].removesuffix("()")
        if last in {"Depends", "Security"}:
            return frozenset({Source("dependency", written(call)[:80])})
        if last in {"int", "float", "bool", "len", "UUID", "Decimal", "isinstance", "ObjectId"}:
            return frozenset(replace(s, typed=True) for s in self._arguments(scope, call, far, deep))
        if _SERVICE.match(name) and isinstance(call.func, ast.Attribute):
            return frozenset({Source("call", name, place=self._project.place(scope, call))})
        if last in {"get", "pop"} and isinstance(call.func, ast.Attribute):
            table = self._project.value(scope, call.func.value)
            if table.shape == "dict" and table.keys:  # the answer is one of ours, whatever was asked for
                return self._all(scope, call.args[1:], far, deep) | {Source("literal", written(call.func.value)[:80])}
        target = self._project.names.called(scope, call)
        if target is not None and far > 0 and target.short != "__init__":
            return self._result(scope, call, target, far, deep)
        passed = {
            replace(s, through=(*s.through, last))
            for s in self._arguments(scope, call, far, deep)
            if s.kind != "literal"
        }
        if isinstance(call.func, ast.Attribute):
            before = self._of(scope, call.func.value, far, deep)
            passed |= {replace(s, through=(*s.through, last)) for s in before if len(s.through) < DEEP}
        return frozenset(passed or {Source("call", name, place=self._project.place(scope, call))})

    def _arguments(self, scope: Scope, call: ast.Call, far: int, deep: int) -> Sources:
        """What the arguments bring along; the key of a look-up is not what it finds."""
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"get", "pop"}:
            return self._all(scope, call.args[1:], far, deep)
        return self._all(scope, (*call.args, *(k.value for k in call.keywords)), far, deep)

    def _result(self, scope: Scope, call: ast.Call, target: Scope, far: int, deep: int) -> Sources:
        """What a function of the project gives back: its returns, its parameters replaced by what was passed."""
        found: set[Source] = set()
        function = self._project.function_of(target)
        view = self._project.call_of(scope, call)
        names = [a.arg for a in function.parameters]
        for value in function.returns:
            for source in self._of(target, value, 0, deep):
                if source.kind == "parameter" and source.name in names:
                    given = view.arg(source.name, names.index(source.name))
                    passed = self._of(scope, given, far - 1, deep)
                    found |= {
                        replace(s, through=(*s.through, *source.through), typed=s.typed or source.typed) for s in passed
                    }
                else:
                    found.add(source)
        return frozenset(found or {Source("call", target.name, place=self._project.place(scope, call))})


def _counts(value: ast.expr | None, sources: Sources) -> bool:
    """Whether the first of a loop's names is a number, or the name of a model's field."""
    word = written(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
    return word == "enumerate" or (word == "items" and all(s.passed("model_dump", "dict", "asdict") for s in sources))
