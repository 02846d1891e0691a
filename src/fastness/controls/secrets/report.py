"""Builds settings and lists every problem at once, in four parts each, without ever printing a value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import PydanticCustomError

from fastness.controls.secrets.environment import EnvironmentSettings, StrongSecret, gathered, split_secrets
from fastness.controls.secrets.sources import FOLDER, PREFIX, Sources, gather
from fastness.controls.secrets.strength import weak_secret
from fastness.controls.secrets.variables import every_variable, variable_at, variables
from fastness.core.declare import provides
from fastness.core.errors import UnsafeConfiguration

S = TypeVar("S", bound=EnvironmentSettings)

_NAME = re.compile(r"\A[A-Z0-9_]{1,80}\Z")
_PLAIN_TYPES = re.compile(
    r"\A(?:missing|(?:int|float|bool|string|list|tuple|set|dict|model|url|time_delta)(?:_[a-z]+)*|literal_error|enum"
    r"|greater_than(?:_equal)?|less_than(?:_equal)?|finite_number|too_short|too_long|multiple_of|fastness_[a-z_]+)\Z"
)
"""Kinds of validation errors whose text holds limits and expectations, never the input."""


@provides("secrets")
def read(
    cls: type[S], *, known: Iterable[type[EnvironmentSettings] | str] = (), given: Mapping[str, Any] | None = None
) -> tuple[S | None, list[UnsafeConfiguration]]:
    """The settings, None when they cannot be built, and everything that is wrong with them.

    Reported are: values that are not of their type, unknown `FASTNESS_` names with the one that was probably meant,
    weak secrets in fields marked `StrongSecret`, and files that cannot be read. `known` are other settings classes,
    or single names, that read the same environment: their variables are not unknown. `given` values come from the
    program and win over every source. No text holds a value.
    """
    found = gather(cls.env_file)
    problems = [*found.problems, *_unknown(found, cls, known)]
    token = gathered.set(found)
    try:
        settings = cls(**(given or {}))
    except ValidationError as error:
        return None, [*problems, *_invalid(error, cls, found), *_weak_as_written(cls, found)]
    except UnsafeConfiguration as unsafe:
        return None, [*problems, unsafe]
    except Exception as error:  # noqa: BLE001 - a validator that breaks is a bad value too; its text may quote it
        return None, [*problems, _broken(error)]
    finally:
        gathered.reset(token)
    return settings, [*problems, *_weak(settings, found)]


def _unknown(
    found: Sources, cls: type[EnvironmentSettings], known: Iterable[type[EnvironmentSettings] | str]
) -> Iterator[UnsafeConfiguration]:
    exact, open_ended = {FOLDER}, set[str]()
    for reader in (cls, *known):
        if isinstance(reader, str):
            exact.add(reader.upper())
            continue
        for variable in every_variable(reader):
            exact.update(variable.names)
            if variable.takes_any_key:
                open_ended.update(f"{name}__" for name in variable.names)
    for name in dict.fromkeys(name for layer in found.layers() for name in layer):
        if not name.startswith(PREFIX) or name in exact or name.startswith(tuple(open_ended)):
            continue
        close = difflib.get_close_matches(name, exact, n=1, cutoff=0.75)
        shown = name if _NAME.match(name) else f"{PREFIX}..."
        yield UnsafeConfiguration(
            f"{shown} is not a setting" + (f"; did you mean {close[0]}?" if close else ""),
            where=found.place(name) if shown == name else "a name with unusual characters",
            why="a misspelt setting leaves the default in place, and nobody notices",
            fix=f"rename it to {close[0]}" if close else "remove it",
        )


def _invalid(error: ValidationError, cls: type[EnvironmentSettings], found: Sources) -> Iterator[UnsafeConfiguration]:
    said = set[str]()
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        variable = variable_at(cls, detail["loc"])
        name = variable.name(found) if variable is not None else f"{PREFIX}*"
        if name in said:
            continue
        said.add(name)
        missing = detail["type"] == "missing"
        reason = detail["msg"] if _PLAIN_TYPES.match(detail["type"]) else "the value is not a valid one"
        description = variable.field.description if variable is not None else None
        yield UnsafeConfiguration(
            f"{name} is missing" if missing else f"{name} is not right: {reason}",
            where=found.place(name),
            why="there is no safe guess" if missing else "a value that cannot be read must not fall back to a default",
            fix=f"set {name}: {description}" if description else f"set {name}",
        )


def _weak(settings: BaseModel, found: Sources, prefix: str = PREFIX) -> Iterator[UnsafeConfiguration]:
    for variable in variables(type(settings), prefix):
        value: object = getattr(settings, variable.attribute)
        if isinstance(value, BaseModel):
            yield from _weak(value, found, f"{prefix}{variable.attribute.upper()}__")
        if not any(isinstance(mark, StrongSecret) for mark in variable.field.metadata):
            continue
        values = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
        secrets = [item for item in values if isinstance(item, SecretStr)]
        where = found.place(variable.name(found))
        for position, secret in enumerate(secrets, 1):
            which = f", value {position} of {len(secrets)}" if len(secrets) > 1 else ""
            problem = weak_secret(secret.get_secret_value(), where=where + which)
            if problem is not None:
                yield problem


def _weak_as_written(cls: type[EnvironmentSettings], found: Sources) -> Iterator[UnsafeConfiguration]:
    """The weak secrets among the variables, for when other problems keep the settings from being built."""
    for variable in every_variable(cls):
        mark = next((mark for mark in variable.field.metadata if isinstance(mark, StrongSecret)), None)
        name = variable.name(found)
        written = next((layer[name] for layer in found.layers() if name in layer), None)
        if mark is None or written is None:
            continue
        try:
            values = (written,) if variable.field.annotation is SecretStr else split_secrets(written)
        except PydanticCustomError:
            continue  # validation has said so
        for position, value in enumerate(values, 1):
            which = f", value {position} of {len(values)}" if len(values) > 1 else ""
            problem = weak_secret(value, where=found.place(name) + which)
            if problem is not None:
                yield problem


def _broken(error: Exception) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        f"the settings cannot be read ({type(error).__name__})",
        where=f"{PREFIX}*",
        why="nothing can be checked before they are",
        fix="start with the defaults and set one variable after another",
    )
