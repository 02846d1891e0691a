"""Classes, Pydantic models and settings classes as rules see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.annotations import Typed
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.source import Module
from fastness.checker.evidence.value import Value
from fastness.checker.evidence.values import SETTINGS
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

MODELS = (
    "fastness.controls.fields.StrictModel",
    "fastness.controls.fields.Paging",
    "pydantic.BaseModel",
    "BaseModel",
    "sqlmodel.SQLModel",
    "SQLModel",
    "pydantic.RootModel",
    "pydantic.generics.GenericModel",
)
TABLES = ("DeclarativeBase", "Base", "declarative_base()", "Model", "Document", "SQLModel", "MappedAsDataclass")


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """One class of the project."""

    project: Project
    scope: Scope

    @property
    def name(self) -> str:
        """Dotted."""
        return self.scope.name

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.scope.short

    @property
    def node(self) -> ast.ClassDef:
        """Its syntax."""
        node = self.scope.node
        assert isinstance(node, ast.ClassDef)  # noqa: S101 - what a class scope is
        return node

    @property
    def module(self) -> Module:
        """The file."""
        return self.project.names.module(self.scope)

    @property
    def place(self) -> Place:
        """From its first decorator to its last line."""
        return self.module.place(self.node)

    def is_a(self, *names: str) -> bool:
        """Whether it is or inherits one of these; a name without dots compares the last part."""
        return self.project.names.is_a(self.scope, *names)

    @property
    def bases(self) -> list[str]:
        """All bases' canonical names, nearest first, itself left out."""
        return [self.project.names.name(c) for c in self.project.names.lineage(self.scope)][1:]

    def lineage(self) -> Iterator[Class]:
        """Itself and its bases in the project."""
        for cls in self.project.names.lineage(self.scope):
            if isinstance(cls, Scope):
                yield self.project.class_of(cls)

    def method(self, name: str) -> Function | None:
        """A method, inherited ones included."""
        for cls in self.lineage():
            child = cls.scope.children.get(name)
            if child is not None and child.kind == "function":
                return self.project.function_of(child)
        return None

    @property
    def methods(self) -> list[Function]:
        """Its own methods."""
        return [self.project.function_of(s) for s in self.scope.every if s.kind == "function"]

    def value(self, name: str) -> Value:
        """The value of a class attribute, inherited ones included."""
        for cls in self.lineage():
            for assignment in reversed(cls.scope.assigned.get(name, [])):
                return self.project.value(cls.scope, assignment.value)
        return Value()


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of a model, settings class or table."""

    name: str
    typed: Typed
    bounds: tuple[tuple[str, object], ...]
    default: Value | None
    """None when the field is required."""
    place: Place
    owner: Class
    """The class that declares it; may be a base."""

    @property
    def annotation(self) -> str:
        """The type as written, without `Optional` and `Annotated`."""
        return self.typed.text

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is None

    def bound(self, *names: str) -> object | None:
        """The first of these bounds that is set."""
        return next((value for key, value in self.bounds if key in names), None)

    def has_bound(self, *names: str) -> bool:
        """Whether one of these bounds is written, constant or not."""
        return any(key in names for key, _ in self.bounds)

    def option(self, name: str) -> Value:
        """A keyword of its `Field(...)`: `exclude`, `repr`, `alias`, ..."""
        for scope, call in self.typed.calls():
            for keyword in call.keywords:
                if keyword.arg == name:
                    return self.owner.project.value(scope, keyword.value)
        return Value()

    @property
    def models(self) -> list[Model]:
        """The models that its type mentions: `list[User]` mentions User."""
        return self.owner.project.models_in(self.typed.scope, self.typed.base)


@dataclass(frozen=True, slots=True, eq=False)
class Model(Class):
    """A Pydantic or SQLModel class, or a settings class."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its fields, inherited ones included; what a subclass declares again counts once."""
        return self.project.fields_of(self)

    def field(self, *names: str) -> Field | None:
        """The first of these fields."""
        return next((f for f in self.fields if f.name in names), None)

    @property
    def is_settings(self) -> bool:
        """Whether the environment fills it."""
        return self.is_a(*SETTINGS)

    def config(self, name: str) -> Value:
        """An option of `model_config`, of the inner `class Config`, or of the class statement."""
        for cls in self.lineage():
            for keyword in cls.node.keywords:
                if keyword.arg == name:
                    return self.project.value(cls.scope, keyword.value)
            for assignment in cls.scope.assigned.get("model_config", []):
                if isinstance(assignment.value, ast.Call):
                    found = next((k.value for k in assignment.value.keywords if k.arg == name), None)
                    if found is not None:
                        return self.project.value(cls.scope, found)
                elif assignment.value is not None:
                    value = self.project.value(cls.scope, assignment.value)
                    if name in value:
                        return value.get(name)
            inner = cls.scope.children.get("Config")
            if inner is not None and name in inner.assigned:
                return self.project.value(inner, inner.assigned[name][-1].value)
        return Value()

    def validators(self, field: str | None = None) -> Iterator[Function]:
        """Its validators, inherited ones included; with `field`, those of that field and of the whole model."""
        for cls in self.lineage():
            for method in cls.methods:
                for name, expr in method.decorators:
                    word = name.rpartition(".")[2]
                    if word in {"model_validator", "root_validator"}:
                        yield method
                    elif word in {"field_validator", "validator"} and isinstance(expr, ast.Call):
                        named = {a.value for a in expr.args if isinstance(a, ast.Constant)}
                        if field is None or field in named or "*" in named:
                            yield method
