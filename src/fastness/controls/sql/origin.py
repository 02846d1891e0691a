"""Where a text comes from: a constant of the code that runs, or something that was put together.

A text that equals a constant of the source is that constant, whoever hands it over. So equality is proof, and the only
question is where to look: in the functions that are being called, in their modules, and in modules these import.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FrameType, ModuleType
from typing import Any, cast

_LIBRARIES = ("sqlalchemy.", "greenlet", "fastness.controls.sql.")
_BUILDERS = ("sqlalchemy.dialects.", "sqlalchemy.engine.reflection", "alembic.")
"""They ask the catalogue of the database with text of their own making."""


def frames() -> Iterator[FrameType]:
    """Everything that is being called, innermost first; through the greenlet in which async SQLAlchemy runs."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    greenlets: Any = sys.modules.get("greenlet")
    inside: Any = greenlets.getcurrent() if greenlets is not None else None
    while frame is not None:
        yield frame
        frame = frame.f_back
        while frame is None and inside is not None and inside.parent is not None:
            inside = inside.parent
            frame = inside.gr_frame


def in_source(text: str) -> bool:
    """Whether `text` is a constant of the code that is running, or made by SQLAlchemy or Alembic themselves."""
    asked: set[int] = set()
    outside = False
    for frame in frames():
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith(_BUILDERS) and (not outside or name.startswith("alembic.")):
            return True
        outside = outside or not name.startswith(_LIBRARIES)
        if outside and stands_in(frame, text, asked):
            return True
    return False


def place() -> str:
    """The module and line that asked for the statement."""
    for frame in frames():
        name = str(frame.f_globals.get("__name__", ""))
        if not name.startswith(_LIBRARIES):
            return f"{name}:{frame.f_lineno}"
    return "unknown"


def stands_in(frame: FrameType, text: str, asked: set[int] | None = None) -> bool:
    """Whether `text` is a constant of the function, class or module of this frame, or of a module named there.

    `asked` holds the ids of the namespaces that were looked at before.
    """
    seen: set[int] = set() if asked is None else asked
    if any(_is(constant, text) for constant in frame.f_code.co_consts):
        return True
    # A class keeps its statements as attributes; `self` and `cls` are what its methods call it.
    owner = frame.f_locals.get("self", frame.f_locals.get("cls"))
    kind: type | None = owner if isinstance(owner, type) else type(owner) if owner is not None else None
    for parent in kind.__mro__ if kind is not None else ():
        if _holds(vars(parent), text, seen):
            return True
    if _holds(frame.f_globals, text, seen):
        return True
    for module in [value for value in frame.f_globals.values() if isinstance(value, ModuleType)]:
        if module.__name__.partition(".")[0] not in _WELL_KNOWN and _holds(vars(module), text, seen):
            return True
    return False


_WELL_KNOWN = frozenset(sys.stdlib_module_names | {"sqlalchemy", "fastapi", "starlette", "pydantic"})


def _holds(names: Mapping[str, Any], text: str, seen: set[int]) -> bool:
    if isinstance(names, dict):  # a class gives a new view each time
        if id(names) in seen:
            return False
        seen.add(id(names))
    return any(_is(value, text) for value in list(names.values()))


def _is(value: object, text: str) -> bool:
    """Whether `value` is the text, or a tuple that holds it: a list written in the source is such a tuple inside.

    Written so that no foreign `__eq__` runs: a column compares to an expression. Lists and dictionaries are not looked
    into: they may have been filled with what came from outside.
    """
    if type(value) is str:
        return value == text
    if type(value) is tuple or type(value) is frozenset:
        return any(_is(one, text) for one in cast("tuple[object, ...]", value))
    return _is_clause(value) and getattr(value, "text", None) == text


def _is_clause(value: object) -> bool:
    return type(value).__name__ == "TextClause" and type(value).__module__.startswith("sqlalchemy.")
