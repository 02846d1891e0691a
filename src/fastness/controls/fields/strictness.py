"""Strictness inside a Pydantic core schema: JSON's own types as they are, everything else from text as usual."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from fastness.controls.fields.text import encodable, wrong

_SCALARS = frozenset({"str", "int", "float", "bool"})
_INNER = (
    "schema", "items_schema", "keys_schema", "values_schema", "extras_schema",
    "json_schema", "python_schema", "lax_schema", "strict_schema",
)  # fmt: skip
_SEVERAL = ("fields", "choices", "items_schema", "steps")
_DONE = "fastness_checked"  # Pydantic hands a finished model's schema out again when another model holds it
_OWN_RULES = frozenset({"model", "dataclass"})  # a nested model decides for itself


def tighten(schema: core_schema.CoreSchema, handler: GetCoreSchemaHandler) -> None:
    """Make the scalars inside a model's `schema` strict, in place, and check strings and `Any` for what JSON refuses.

    Strict mode of the whole model would refuse dates and UUIDs: FastAPI validates parsed JSON as Python objects.
    """
    _walk(cast("dict[str, Any]", handler.resolve_ref_schema(schema)), handler, set(), own=True)


def _walk(schema: dict[str, Any], handler: GetCoreSchemaHandler, seen: set[int], *, own: bool = False) -> None:
    if id(schema) in seen or (schema["type"] in _OWN_RULES and not own) or _DONE in schema.get("metadata", {}):
        return
    seen.add(id(schema))
    if schema["type"] == "definition-ref":
        target = handler.resolve_ref_schema(cast("core_schema.CoreSchema", schema))
        _walk(cast("dict[str, Any]", target), handler, seen)
        return
    for container, key, inner in _inside(schema):
        if inner["type"] in _SCALARS:
            inner.setdefault("strict", True)
        _walk(inner, handler, seen, own=own and schema["type"] != "model-fields")
        container[key] = _checked(inner)


def _inside(schema: dict[str, Any]) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Every schema right inside this one, with the place where a replacement would go."""
    for key in _INNER:
        if isinstance(schema.get(key), dict):
            yield schema, key, schema[key]
    for key in _SEVERAL:
        group: Any = schema.get(key, ())
        if key == "items_schema" and hasattr(group, "keys"):
            continue  # a list's one schema, not a tuple's several
        for place in tuple(group.keys()) if hasattr(group, "keys") else range(len(group)):
            if isinstance(group[place], tuple):  # a union's choice with its label
                labelled: list[Any] = [*group[place]]
                yield labelled, 0, labelled[0]
                group[place] = tuple(labelled)
            else:
                yield group, place, group[place]


def _checked(schema: dict[str, Any]) -> Any:
    match schema["type"]:
        case "str":
            check: Any = encodable
        case "any":
            check = _carried_by_json
        case _:
            return schema
    wrapped = core_schema.no_info_after_validator_function(check, cast("core_schema.CoreSchema", schema))
    wrapped["metadata"] = {**schema.get("metadata", {}), _DONE: True}
    return wrapped


def _carried_by_json(value: Any) -> Any:
    waiting: list[Any] = [value]
    while waiting:
        one: Any = waiting.pop()
        if isinstance(one, str):
            encodable(one)
        elif isinstance(one, float) and not math.isfinite(one):
            raise wrong("finite_number", "A number should be finite")
        elif isinstance(one, dict):
            members = cast("Mapping[Any, Any]", one)
            waiting += [*members.keys(), *members.values()]
        elif isinstance(one, list):
            waiting += cast("Sequence[Any]", one)
    return value
