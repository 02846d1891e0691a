"""Which variables a settings class reads, and which of them an error is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from fastness.controls.secrets.sources import PREFIX, Sources


@dataclass(frozen=True, slots=True)
class Variable:
    """One field and the upper-case names it is read from, the preferred one first."""

    names: tuple[str, ...]
    attribute: str
    field: FieldInfo

    @property
    def takes_any_key(self) -> bool:
        """Whether the field is a mapping, so that whatever follows `__` is a key and no misspelling."""
        return _is_mapping(self.field.annotation)

    def name(self, found: Sources) -> str:
        """The name that was set, or the preferred one."""
        return next((name for name in self.names if any(name in layer for layer in found.layers())), self.names[0])


def variables(cls: type[BaseModel], prefix: str = PREFIX) -> Iterator[Variable]:
    """The variables of `cls` itself, without those of nested sections."""
    for attribute, field in cls.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        # An alias is a whole name at the top; in a section it stands behind the section's name.
        outer = "" if prefix == PREFIX else prefix
        aliases = [outer + choice.upper() for choice in choices if isinstance(choice, str)]
        yield Variable(tuple(dict.fromkeys([*aliases, prefix + attribute.upper()])), attribute, field)


def every_variable(cls: type[BaseModel], prefix: str = PREFIX) -> Iterator[Variable]:
    """The variables of `cls` and of every section in it."""
    for variable in variables(cls, prefix):
        yield variable
        for section in sections(variable.field.annotation):
            yield from every_variable(section, f"{prefix}{variable.attribute.upper()}__")


def variable_at(cls: type[BaseModel], place: tuple[int | str, ...]) -> Variable | None:
    """The variable that a validation error at `place` is about, None when it is about all of them.

    Only parts that name fields count: the others can be keys that someone wrote, and so secrets.
    """
    found: Variable | None = None
    models, prefix = [cls], PREFIX
    for part in place:
        here = [variable for model in models for variable in variables(model, prefix)]
        inner = next((v for v in here if part == v.attribute or str(part).upper() in v.names), None)
        if inner is None:
            break
        found, prefix = inner, f"{prefix}{inner.attribute.upper()}__"
        models = sections(inner.field.annotation)
    return found


def sections(annotation: Any) -> list[type[BaseModel]]:
    """The models that a field holds, alone or as one of several types."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for argument in get_args(annotation) for section in sections(argument)]


def _is_mapping(annotation: Any) -> bool:
    if annotation is dict or str(annotation).startswith(("dict[", "typing.Dict[", "collections.abc.Mapping[")):
        return True
    return any(_is_mapping(argument) for argument in get_args(annotation))
