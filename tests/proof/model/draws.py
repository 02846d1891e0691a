"""What the machine draws from: few people, few passwords, moves of the clock, and what is done to whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from proof.model.effects import ROLES

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
EMAILS = st.sampled_from([f"{name}@example.com" for name in ("ada", "bob", "eve")])
WORDS = st.sampled_from(["violet teapot under the stairs", "seven slow clouds over harbour"])
BACK = st.integers(0, 30).map(lambda drawn: drawn // 3)
"""Which one, counted from the newest; the newest ones are drawn most."""
MOVES = st.sampled_from([1, 1, 4, 11, 31, 31, 290, 310, 599, 700, 86_400, 4 * 86_400, 8 * 86_400])
DEEDS = ("suspend", "unsuspend", "revoke", "force-reset", "reset-factors", "delete", *ROLES)
PATHS = {
    "revoke": "/sessions/revoke", "force-reset": "/password/force-reset", "reset-factors": "/factors/reset",
    "suspend": "/suspend", "unsuspend": "/unsuspend",
}  # fmt: skip
FAULTS = st.one_of(st.none(), st.none(), st.none(), st.none(), st.none(), st.none(), st.integers(0, 9))


def back(things: Sequence[T], number: int) -> T:
    """The one so far from the end."""
    return things[-1 - number % len(things)]


def having(*names: str) -> Callable[[F], F]:
    """Only while the model has some of each of these."""
    return precondition(lambda machine: all(getattr(machine.model, name) for name in names))
