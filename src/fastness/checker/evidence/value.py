"""What an expression can be when the program runs, as far as the source tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from fastness.checker.finding import Place


class Unknown:
    """Stands where no constant is known; false in every test."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

Origin = Literal["literal", "environment", "setting", "random", "computed", "unknown"]
"""literal: written in the code, constants and aliases followed. environment: read from a variable, the constant being the
default. setting: a field of a settings class, the constant being its default. random: `secrets`, `os.urandom`, `uuid4`."""
Shape = Literal["one", "list", "dict", "text", "choice"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value. In a test it is true only when it surely is true; `in` asks what it surely contains."""

    constant: object = UNKNOWN
    """The Python value, or for an environment variable or setting its default; UNKNOWN otherwise."""
    origin: Origin = "unknown"
    variable: str = ""
    """Name of the environment variable or settings field."""
    place: Place | None = None
    """Where the constant is written: the default of the setting, not the place that reads it."""
    shape: Shape = "one"
    items: tuple[Value, ...] = ()
    """Elements of a list, values of a dict (`keys` beside it), parts of a formatted text, branches of a choice."""
    keys: tuple[object, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the constant is known (for a list or dict: whole)."""
        return self.constant is not UNKNOWN

    @property
    def literal(self) -> bool:
        """Whether the code itself holds the constant, and nothing outside can change it."""
        return self.known and self.origin == "literal"

    @property
    def configured(self) -> bool:
        """Whether the environment or a settings object decides; the constant is then only a default."""
        return self.origin in {"environment", "setting"}

    @property
    def text(self) -> str:
        """The constant when it is text, else empty."""
        if isinstance(self.constant, bytes):
            return self.constant.decode(errors="replace")
        return self.constant if isinstance(self.constant, str) else ""

    @property
    def number(self) -> float | None:
        """The constant when it is a number."""
        is_number = isinstance(self.constant, (int, float)) and not isinstance(self.constant, bool)
        return float(self.constant) if is_number and isinstance(self.constant, (int, float)) else None

    def choices(self) -> Iterator[Value]:
        """The values it may take: the branches of a choice, else itself."""
        if self.shape == "choice":
            for item in self.items:
                yield from item.choices()
        else:
            yield self

    def may_be(self, wanted: object) -> bool:
        """Whether one of its known choices equals `wanted`."""
        return any(c.known and type(c.constant) is type(wanted) and c.constant == wanted for c in self.choices())

    def get(self, key: object) -> Value:
        """The value of a dict's key."""
        return next((v for k, v in zip(self.keys, self.items, strict=False) if k == key), Value())

    def __bool__(self) -> bool:
        if self.known:
            return bool(self.constant)
        return self.shape == "list" and bool(self.items)

    def __contains__(self, wanted: object) -> bool:
        if self.shape in {"list", "choice"}:
            return any(wanted == item.constant or (self.shape == "choice" and wanted in item) for item in self.items)
        if self.shape == "dict":
            return wanted in self.keys
        if isinstance(self.constant, str) and isinstance(wanted, str):
            return wanted in self.constant
        return isinstance(self.constant, (list, tuple, set, frozenset, dict)) and wanted in self.constant

    def __iter__(self) -> Iterator[Value]:
        return iter(self.items)
