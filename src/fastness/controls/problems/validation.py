"""What a 422 may say: where, which rule, and a message that never holds the input."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic_core import core_schema

from fastness.core.errors import Refused

_ERRORS, _PARTS, _PART, _MESSAGE, _BYTES = 20, 8, 64, 200, 3_500
_PYDANTIC = frozenset(get_args(core_schema.ErrorType))
_QUOTING = frozenset({"value_error", "assertion_error", "union_tag_invalid", "get_attribute_error"})
_DETAIL = re.compile(r"[,:] ")
_GENERIC = "The value is not valid."


class InvalidInput(Refused):
    """The input does not have the shape this route asks for; `errors` says where."""

    code, status, public = "invalid_input", 422, "The input is not valid."

    def __init__(self, errors: Iterable[Mapping[str, Any]]) -> None:
        """`errors` as Pydantic gives them; only `loc`, `type` and a safe `msg` are kept."""
        self.errors = _fitting(errors)
        super().__init__(f"{len(self.errors)} validation errors", members={"errors": self.errors})


def _fitting(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    left = _BYTES
    for error, _ in zip(errors, range(_ERRORS), strict=False):
        shown = _shown(error, parts=_PARTS)
        if not kept and len(json.dumps(shown)) > left:
            shown = _shown(error, parts=2)
        left -= len(json.dumps(shown)) + 1
        if left < 0:
            break
        kept.append(shown)
    return kept


def _shown(error: Mapping[str, Any], *, parts: int) -> dict[str, Any]:
    kind = _clean(str(error.get("type", "")))
    return {
        "loc": [part if isinstance(part, int) else _clean(str(part)) for part in tuple(error.get("loc", ()))[:parts]],
        "type": kind,
        "msg": _message(kind, str(error.get("msg", "")), error.get("ctx") or {}),
    }


def _message(kind: str, text: str, context: Mapping[str, Any]) -> str:
    # A type of ours promises that its message holds no input. Pydantic's own messages hold none either, except where
    # their context quotes a parser or a tag. Whatever a validator of the application raised may quote anything.
    if kind.startswith("fastness_"):
        return _clean(text, _MESSAGE)
    if kind == "json_invalid":
        return "This is not valid JSON."
    if kind not in _PYDANTIC or kind in _QUOTING:
        return _GENERIC
    if "error" in context or "tag" in context:
        template = _DETAIL.split(text, maxsplit=1)[0]
        return _clean(template, _MESSAGE) if template.startswith("Input should be") else _GENERIC
    return _clean(text, _MESSAGE)


def _clean(text: str, most: int = _PART) -> str:
    cut = text[:most]
    return cut if cut.isprintable() else "".join(c for c in cut if c.isprintable())
