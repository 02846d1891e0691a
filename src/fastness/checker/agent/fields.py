"""Parameters and models in plain values, on Pydantic 1 and 2."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Iterator
from typing import Any

_BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "regex", "multiple_of")
_DEPTH = 5
"""How deep nested models are described; deeper ones repeat themselves or nobody reads them."""
_SOURCES = (("path_params", "path"), ("query_params", "query"), ("header_params", "header"),
            ("cookie_params", "cookie"), ("body_params", "body"))  # fmt: skip


def parameters(dependant: Any) -> Iterator[dict[str, Any]]:
    """Every input of a route, those of its dependencies included, once."""
    seen = set()
    for holder in (dependant, *below(dependant)):
        for attribute, source in _SOURCES:
            for field in getattr(holder, attribute, None) or ():
                info = getattr(field, "field_info", None)
                described = {
                    "name": getattr(field, "alias", None) or field.name,
                    "source": _source(info, source),
                    **field_of(field, info),
                }
                key = (described["name"], described["source"])
                if key not in seen:
                    seen.add(key)
                    yield described


def below(dependant: Any) -> Iterator[Any]:
    """The dependants under this one, depth first."""
    for child in getattr(dependant, "dependencies", None) or ():
        yield child
        yield from below(child)


def field_of(field: Any, info: Any = None, depth: int = 0) -> dict[str, Any]:
    """Type, bounds, default and nested fields of one field."""
    info = info if info is not None else getattr(field, "field_info", field)
    kind = getattr(field, "type_", None) or getattr(info, "annotation", None) or getattr(field, "outer_type_", None)
    # Pydantic 1 keeps the whole type apart from the type of an element.
    whole = getattr(field, "outer_type_", None) or getattr(info, "annotation", None) or kind
    required = getattr(field, "required", None)
    if required is None:
        asks = getattr(info, "is_required", None)
        required = asks() if callable(asks) else True
    default = getattr(info, "default", None)
    return {
        "type": _name(whole),
        "required": bool(required),
        "default": default if isinstance(default, (str, int, float, bool, type(None))) else None,
        "bounds": _bounds(info, kind),
        "exclude": bool(getattr(info, "exclude", False)),
        "models": [model_of(cls, depth + 1) for cls in models_in(whole)] if depth < _DEPTH else [],
    }


def model_of(cls: Any, depth: int = 0) -> dict[str, Any]:
    """Name, place and fields of a model."""
    fields = getattr(cls, "model_fields", None) or getattr(cls, "__fields__", None)
    named: Any = cls
    if fields is None:
        described: list[dict[str, Any]] = [
            {
                "name": f.name,
                "type": _name(f.type),
                "required": f.default is dataclasses.MISSING,
                "bounds": [],
                "models": [],
            }
            for f in dataclasses.fields(cls)
        ]
        return {"name": named.__qualname__, "module": named.__module__, **_place(cls), "extra": "", "fields": described}
    config = getattr(cls, "model_config", None)
    extra = config.get("extra", "") if isinstance(config, dict) else getattr(getattr(cls, "Config", None), "extra", "")
    return {
        "name": cls.__qualname__,
        "module": cls.__module__,
        **_place(cls),
        "extra": str(getattr(extra, "value", extra) or ""),
        "fields": [
            {"name": getattr(field, "alias", None) or name, **field_of(field, None, depth)}
            for name, field in (fields or {}).items()
        ],
    }


def models_in(kind: Any) -> Iterator[Any]:
    """The model classes in an annotation: `list[A] | None` has A."""
    if inspect.isclass(kind) and not typing.get_args(kind):
        if hasattr(kind, "model_fields") or hasattr(kind, "__fields__") or dataclasses.is_dataclass(kind):
            yield kind
        return
    for part in typing.get_args(kind):
        if not isinstance(part, (str, bytes, int)):
            yield from models_in(part)


def _source(info: Any, source: str) -> str:
    name = type(info).__name__
    return {"Form": "form", "File": "file"}.get(name, source) if source == "body" else source


def _bounds(info: Any, kind: Any) -> list[list[Any]]:
    found: dict[str, Any] = {}
    for holder in (kind, info, *(getattr(info, "metadata", None) or ())):
        for name in _BOUNDS:
            value = getattr(holder, name, None)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                found["pattern" if name == "regex" else name] = value
    return [[name, value] for name, value in found.items()]


# inspect parses a file anew for each class, and routes share their models.
@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.8
def _place(cls: Any) -> dict[str, Any]:
    try:
        lines, start = inspect.getsourcelines(cls)
        return {"file": inspect.getsourcefile(cls) or "", "line": start, "end_line": start + len(lines) - 1}
    except (OSError, TypeError):
        return {"file": "", "line": 0, "end_line": 0}


def _name(kind: Any) -> str:
    if kind is None:
        return ""
    if inspect.isclass(kind) and not typing.get_args(kind):
        return str(kind.__qualname__)
    return str(kind).replace("typing.", "")
