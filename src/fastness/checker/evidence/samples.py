"""Plausible values for a JSON schema: what a well-meaning client would send."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

_Make = Callable[[int], str]
_counter = itertools.count(1)
_DEEPEST = 6
_BY_FORMAT: dict[str, _Make] = {
    "email": lambda n: f"visitor{n}@checked.example", "uuid": lambda n: f"00000000-0000-4000-8000-{n:012d}",
    "date": lambda _: "2030-01-02", "date-time": lambda _: "2030-01-02T03:04:05Z", "time": lambda _: "03:04:05",
    "uri": lambda _: "https://checked.example/x", "ipv4": lambda _: "192.0.2.7", "duration": lambda _: "PT1H",
    "password": lambda _: PASSWORD, "binary": lambda _: "content", "byte": lambda _: "Y29udGVudA==",
}  # fmt: skip
_BY_NAME: tuple[tuple[str, _Make], ...] = (
    ("email", lambda n: f"visitor{n}@checked.example"),
    ("password", lambda _: PASSWORD),
    ("phone", lambda n: f"+49151{n:08d}"),
    ("url", lambda _: "https://checked.example/x"),
    ("username", lambda n: f"visitor{n}"),
    ("date", lambda _: "2030-01-02"),
    ("name", lambda n: f"Visitor {n}"),
)
# fastness: ignore[FN123] it belongs to invented accounts in a throw-away database
PASSWORD = "Correct-Horse-7-Battery-Staple"  # noqa: S105 - of invented accounts in a throw-away database


class Samples:
    """Values for the schemas of one OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def of(self, schema: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value that the schema takes, where that can be known. Optional properties are left out."""
        schema = self.resolved(schema)
        for key in ("const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        if schema.get("enum"):
            return schema["enum"][0]
        for key in ("anyOf", "oneOf"):
            choices = [each for each in schema.get(key, ()) if each.get("type") != "null"]
            if choices:
                return self.of(choices[0], name, depth + 1)
        if schema.get("allOf"):
            return self._all(schema["allOf"], name, depth)
        return self._typed(schema, name, depth)

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema behind a reference."""
        for _ in range(_DEEPEST):
            reference = schema.get("$ref", "")
            if not reference.startswith("#/"):
                return schema
            found: Any = self._document
            for part in reference[2:].split("/"):
                found = found.get(part, {}) if isinstance(found, Mapping) else {}
            schema = found
        return {}

    def properties(self, schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """The properties of an object's schema, of all its parts."""
        schema = self.resolved(schema)
        found = {name: self.resolved(each) for name, each in schema.get("properties", {}).items()}
        for key in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(key, ()):
                found = {**self.properties(part), **found}
        return found

    def _all(self, parts: list[Mapping[str, Any]], name: str, depth: int) -> Any:
        values = [self.of(part, name, depth + 1) for part in parts]
        if all(isinstance(value, dict) for value in values):
            return {key: value for each in values for key, value in each.items()}
        return values[0]

    def _typed(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "string")
        match kind:
            case "object" if depth < _DEEPEST:
                required = schema.get("required", ())
                found = schema.get("properties", {})
                return {key: self.of(found[key], key, depth + 1) for key in required if key in found}
            case "object":
                return {}
            case "array":
                few = max(1, int(schema.get("minItems", 1)))
                return [self.of(schema.get("items", {}), name, depth + 1)] * few if depth < _DEEPEST else []
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return False
            case _:
                return _text(schema, name)


def _number(schema: Mapping[str, Any]) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    step = schema.get("multipleOf", 1)
    value = 1 if low is None else max(1, low if "minimum" in schema else low + 1)
    high = schema.get("maximum", value)
    found: float = min(value, high)
    return found if step == 1 else step * max(1, round(found / step))


def _text(schema: Mapping[str, Any], name: str) -> str:
    number = next(_counter)
    made = _BY_FORMAT.get(schema.get("format", ""))
    if made is None:
        made = next((value for word, value in _BY_NAME if word in name.lower()), lambda n: f"text {n}")
    text = made(number)
    low, high = int(schema.get("minLength", 0)), int(schema.get("maxLength", 10_000))
    return text.ljust(low, "x")[:high] if low <= high else text
