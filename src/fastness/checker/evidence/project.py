"""All evidence about one folder, behind one door. Rules ask a `Project`; nothing in it runs the code it reads.

for call in project.calls("CORSMiddleware"):          # any call, by the last part or the dotted name
    if "*" in call.value("allow_origins"): ...        # values followed through settings and constants
project.functions()  project.classes()  project.models()  project.settings()
project.applications  project.routes()                # the reconstructed applications
project.flow.origins(scope, expr)                     # where a value comes from: request, environment, constant
project.files  project.templates                      # configuration and Jinja files
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from fastness.checker.evidence.annotations import Annotations
from fastness.checker.evidence.calling import Calling
from fastness.checker.evidence.classes import MODELS, Class, Field, Model
from fastness.checker.evidence.fields import Fields
from fastness.checker.evidence.files import Files
from fastness.checker.evidence.flow import Flow
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.holdings import Holdings
from fastness.checker.evidence.intent import Intent
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.names import Names
from fastness.checker.evidence.scope import Assignment, Scope
from fastness.checker.evidence.source import Kind, Module, Sources, Unread, at_work
from fastness.checker.evidence.templates import Templates
from fastness.checker.evidence.value import Value
from fastness.checker.evidence.values import SETTINGS, Values
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.wording import words_of
from fastness.checker.finding import Place

N = TypeVar("N", bound=ast.AST)
T = TypeVar("T")
CODE: tuple[Kind, ...] = ("code",)
_WORD = re.compile(r"[a-z0-9_]+")


class Project:
    """One checked folder."""

    def __init__(self, root: Path | str, *, intent: Intent | None = None) -> None:
        self.root = Path(root)
        self.intent = intent or Intent()
        self.sources = Sources.of(self.root)
        self.names = Names(self.sources.modules)
        self._values = Values(self.names)
        self.annotations = Annotations(self.names, self._values)
        self.flow = Flow(self)
        self._made: dict[Callable[[Project], Any], Any] = {}
        self._holdings = Holdings(self.sources.modules)
        self._calling = Calling(self)
        self._functions: dict[int, Function] = {}
        self._classes: dict[int, Class] = {}
        self._fields = Fields(self)
        self._words: dict[int, str] = {}

    @property
    def modules(self) -> tuple[Module, ...]:
        """Every file that could be parsed."""
        return self.sources.modules

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Every Python file that could not."""
        return self.sources.unread

    @cached_property
    def files(self) -> Files:
        """Everything that is not Python: `.env`, Docker, compose, proxy, CI."""
        return Files(self.sources.root, self.sources.others)

    @cached_property
    def templates(self) -> Templates:
        """Jinja and HTML templates."""
        return Templates(self.sources.root, self.sources.others)

    @cached_property
    def applications(self) -> tuple[Application, ...]:
        """The applications as the source builds them."""
        from fastness.checker.evidence.assembly import assembled

        with at_work():
            return assembled(self)

    def routes(self) -> Iterator[tuple[Application, Route]]:
        """Every route with its application."""
        for application in self.applications:
            for route in application.routes:
                yield application, route

    @cached_property
    def handlers(self) -> dict[int, Function]:
        """The functions that routes run, by the identity of their scope."""
        return {id(r.handler.scope): r.handler for _, r in self.routes() if r.handler is not None}

    @cached_property
    def defined(self) -> dict[str, Scope]:
        """Every function and class of the project by its dotted name."""
        return {s.name: s for m in self.modules for s in m.scope.within() if s.kind != "module"}

    def class_named(self, name: str) -> Class | None:
        """The class of this dotted name."""
        scope = self.defined.get(name)
        return self.class_of(scope) if scope is not None and scope.kind == "class" else None

    @cached_property
    def _by_line(self) -> dict[tuple[str, int], Scope]:
        found: dict[tuple[str, int], Scope] = {}
        for module in self.modules:
            for scope in module.scope.within():
                if scope.kind != "module":
                    place = module.place(scope.node)
                    found.setdefault((module.path, place.line), scope)
                    found.setdefault((module.path, getattr(scope.node, "lineno", place.line)), scope)
        return found

    def function_at(self, place: Place) -> Function | None:
        """The function that begins at this line, with its first decorator or its `def`."""
        scope = self._by_line.get((place.path, place.line))
        return self.function_of(scope) if scope is not None and scope.kind == "function" else None

    def model_at(self, place: Place) -> Model | None:
        """The model that begins at this line."""
        scope = self._by_line.get((place.path, place.line))
        cls = self.class_of(scope) if scope is not None and scope.kind == "class" else None
        return cls if isinstance(cls, Model) else None

    def once(self, build: Callable[[Project], T]) -> T:
        """What `build` makes of this project, made once: evidence that several rules share."""
        if build not in self._made:
            self._made[build] = build(self)
        made: T = self._made[build]
        return made

    def modules_of(self, kinds: tuple[Kind, ...] = CODE) -> Iterator[Module]:
        """The files of these kinds."""
        for module in self.modules:
            if module.kind in kinds:
                yield module

    def scopes(self, kinds: tuple[Kind, ...] = CODE) -> Iterator[Scope]:
        """Every scope of the files of these kinds."""
        return iter(self._holdings.scopes(kinds))

    def calls(self, *names: str, kinds: tuple[Kind, ...] = CODE) -> Iterator[Call]:
        """Calls of functions, classes or methods with these names, in the order of files and lines.

        A name is the last part (`execute`) or more of it (`sqlalchemy.text`); then the resolved name must end with it,
        or the receiver's class must inherit it. A middleware that is added counts as a call of its class.
        """
        return self._calling.of(names, kinds)

    @property
    def called_words(self) -> Iterable[str]:
        """The last parts of all names that are called anywhere."""
        return self._calling.words

    def call_of(self, scope: Scope, node: ast.Call) -> Call:
        """The view of one call; the same object each time."""
        return self._calling.call(scope, node)

    def target_of(self, scope: Scope, node: ast.Call) -> Function | None:
        """The function of the project that a call runs."""
        return self._calling.target(scope, node)

    def callees(self, function: Function) -> tuple[Function, ...]:
        """The functions of the project that a function calls, each once, in the order of the source."""
        return self._calling.callees(function)

    def function_of(self, scope: Scope) -> Function:
        """The view of a function's scope; the same object each time."""
        if id(scope) not in self._functions:
            self._functions[id(scope)] = Function(self, scope)
        return self._functions[id(scope)]

    def class_of(self, scope: Scope) -> Class:
        """The view of a class's scope; a Model where it is one; the same object each time."""
        if id(scope) not in self._classes:
            model = self.names.is_a(scope, *MODELS, *SETTINGS)
            self._classes[id(scope)] = (Model if model else Class)(self, scope)
        return self._classes[id(scope)]

    def functions(self, kinds: tuple[Kind, ...] = CODE) -> Iterator[Function]:
        """Every function and method, nested ones included."""
        for scope in self.scopes(kinds):
            if scope.kind == "function":
                yield self.function_of(scope)

    def classes(self, *bases: str, kinds: tuple[Kind, ...] = CODE) -> Iterator[Class]:
        """Every class; with `bases`, those that inherit one of them."""
        for scope in self.scopes(kinds):
            if scope.kind == "class" and (not bases or self.names.is_a(scope, *bases)):
                yield self.class_of(scope)

    def models(self, kinds: tuple[Kind, ...] = CODE) -> Iterator[Model]:
        """Every Pydantic and SQLModel class."""
        for cls in self.classes(kinds=kinds):
            if isinstance(cls, Model) and not cls.is_settings:
                yield cls

    def settings(self, kinds: tuple[Kind, ...] = CODE) -> Iterator[Model]:
        """Every settings class."""
        for cls in self.classes(kinds=kinds):
            if isinstance(cls, Model) and cls.is_settings:
                yield cls

    def assignments(self, pattern: str = "", kinds: tuple[Kind, ...] = CODE) -> Iterator[tuple[Scope, Assignment]]:
        """Bindings whose name contains a match of the regular expression `pattern`, in any case."""
        wanted = re.compile(pattern, re.IGNORECASE)
        for scope in self.scopes(kinds):
            for name, assignments in scope.assigned.items():
                if wanted.search(name):
                    for assignment in assignments:
                        yield scope, assignment

    def nodes(self, kind: type[N], kinds: tuple[Kind, ...] = CODE) -> Iterator[tuple[Scope, N]]:
        """Every node of a kind with its scope: Compare, Assert, Raise, JoinedStr, ..."""
        return self._holdings.nodes(kind, kinds)

    def nodes_of(self, scope: Scope, kind: type[N]) -> Sequence[N]:
        """The nodes of a kind directly in one scope; kinds that the walk did not keep are searched once."""
        return self._holdings.of(scope, kind)

    def value(self, scope: Scope, expr: ast.expr | None) -> Value:
        """What an expression can be."""
        return self._values.of(scope, expr)

    def dict_items(self, scope: Scope, expr: ast.expr) -> dict[str, ast.expr]:
        """The items of a dict display behind an expression: `**options`."""
        from fastness.checker.evidence.found import Variable

        found = self.names.resolve(scope, expr) if isinstance(expr, (ast.Name, ast.Attribute)) else None
        if isinstance(found, Variable) and len(found.assignments) == 1:
            expr = found.last.value or expr
        if isinstance(expr, ast.Dict):
            pairs = zip(expr.keys, expr.values, strict=True)
            return {k.value: v for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}
        if isinstance(expr, ast.Call) and isinstance(expr.func, ast.Name) and expr.func.id == "dict":
            return {k.arg: k.value for k in expr.keywords if k.arg}
        return {}

    def place(self, scope: Scope, node: ast.AST) -> Place:
        """Where a node of a scope stands."""
        return self.names.module(scope).place(node)

    def code(self, scope: Scope, node: ast.AST) -> str:
        """The text of a node."""
        return self.names.module(scope).code(node)

    def words(self, scope: Scope) -> str:
        """All names, attributes and texts of a scope and what is in it, in lower case, joined by blanks."""
        if id(scope) not in self._words:
            self._words[id(scope)] = words_of(scope)
        return self._words[id(scope)]

    def fields_of(self, model: Model) -> tuple[Field, ...]:
        """The fields of a model, nearest declaration first."""
        return self._fields.of(model)

    def model_in(self, scope: Scope, annotation: ast.expr | None) -> Model | None:
        """The model that an annotation is, out of `Optional` and `Annotated`."""
        if annotation is None:
            return None
        kind = self.names.annotated(scope, annotation)
        if isinstance(kind, Scope) and kind.kind == "class":
            cls = self.class_of(kind)
            return cls if isinstance(cls, Model) else None
        return None

    def models_in(self, scope: Scope, annotation: ast.expr | None) -> list[Model]:
        """All models that an annotation mentions, `list[...]`, unions and generics included."""
        found: list[Model] = []
        for node in walk(annotation) if annotation is not None else ():
            expr = (
                self.names.quoted(node.value)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
                else node
            )
            if isinstance(expr, (ast.Name, ast.Attribute)):
                model = self.model_in(scope, expr)
                if model is not None and model not in found:
                    found.append(model)
        return found
