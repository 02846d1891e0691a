"""One credential that the source holds or falls back to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.value import Value
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.classes import Model

How = Literal["assigned", "argument", "address", "seed"]


@dataclass(frozen=True, slots=True, eq=False)
class Credential:
    """One credential in the source."""

    name: str
    value: Value
    """`literal`, or `configured` with a default."""
    place: Place
    scope: Scope
    how: How
    signing: bool
    """It signs or encrypts something: tokens, cookies."""
    model: Model | None = None
    """The settings class that holds it."""

    @property
    def text(self) -> str:
        """The secret."""
        return self.value.text
