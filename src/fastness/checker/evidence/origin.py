"""One place that a value comes from, and what happened to it on the way."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.written import written
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.names import Names
    from fastness.checker.evidence.scope import Scope

MOST = 24
"""Sources of one expression; beyond, those that differ only in the functions they passed are one."""
_HARMLESS = frozenset({
    "int", "float", "bool", "UUID", "uuid.UUID", "UUID4", "date", "datetime", "Decimal", "PositiveInt", "NonNegativeInt",
    "timedelta", "complex", "datetime.date", "datetime.datetime", "time", "PydanticObjectId", "ObjectId",
})  # fmt: skip
_SHAPING = frozenset({
    "str", "repr", "bytes", "list", "dict", "tuple", "set", "sorted", "reversed", "format", "join", "strip", "lstrip",
    "rstrip", "split", "rsplit", "partition", "rpartition", "lower", "upper", "title", "encode", "decode", "get", "pop",
    "items", "values", "keys", "dict()", "copy", "model_dump", "loads", "dumps", "b64decode", "b64encode", "urljoin",
    "urlparse", "unquote", "Path", "json", "form", "body", "read", "getlist", "model_dump_json", "jsonable_encoder",
    "receive_text", "receive_json", "receive_bytes", "replace", "removeprefix", "removesuffix", "casefold", "enumerate",
    "zip", "text", "stream", "deepcopy", "cast", "get_secret_value", "joinpath", "PurePath", "capitalize",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a value comes from."""

    kind: Literal["request", "dependency", "parameter", "literal", "environment", "call", "unknown"]
    """dependency: what a `Depends` gives. parameter: of a function that nobody is seen to call. call: the answer of a
    call into something outside, a database for one."""
    name: str = ""
    annotation: str = ""
    """The type as declared, for a request's parameter or field."""
    place: Place | None = None
    through: tuple[str, ...] = ()
    """Last parts of the names of the functions it passed, innermost first."""
    typed: bool = False
    """The declared type leaves no room for text: a number, a UUID, a date, an enum, a `Literal`."""

    @property
    def harmless(self) -> bool:
        """Whether it cannot carry text of the sender's choice."""
        return self.typed

    @property
    def direct(self) -> bool:
        """Whether it only passed functions that keep the sender's text: `strip`, `format`, `json`, ..."""
        return all(word in _SHAPING for word in self.through)

    def passed(self, *words: str) -> bool:
        """Whether it passed one of these functions."""
        return any(word in words for word in self.through)


Sources = frozenset[Source]


def leaves_no_text(names: Names, scope: Scope, base: ast.expr | None) -> bool:
    """Whether a type leaves no room for text of the sender's choice."""
    if base is None:
        return False
    text = written(base)
    if text in _HARMLESS or text.startswith(("Literal[", "typing.Literal[")):
        return True
    if isinstance(base, ast.Subscript) and text.partition("[")[0].lower() in {"list", "set", "tuple", "sequence"}:
        return leaves_no_text(names, scope, base.slice)
    kind = names.annotated(scope, base)
    return kind is not None and names.is_a(kind, "enum.Enum", "enum.IntEnum", "enum.StrEnum", "Enum")


def fewer(sources: Sources) -> Sources:
    """The same sources, with the shortest way of each where there are too many ways."""
    if len(sources) <= MOST:
        return sources
    shortest: dict[tuple[str, str, bool, bool], Source] = {}
    for source in sorted(sources, key=lambda s: (len(s.through), s.through)):
        shortest.setdefault((source.kind, source.name, source.typed, source.direct), source)
    # What a client or a dependency gives decides; the rest is named in findings for auditors alone.
    first = sorted(shortest.values(), key=lambda s: s.kind not in {"request", "dependency"})
    return frozenset(first[: 3 * MOST])
