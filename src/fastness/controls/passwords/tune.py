"""Measure this machine, and propose an Argon2id cost that takes about as long as wanted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastness.controls.passwords.argon import Argon2id
from fastness.controls.passwords.settings import OWASP_ARGON2ID, PasswordSettings

_LEAST_KIB, _LEAST_PASSES = next(row for row in OWASP_ARGON2ID if row[1] == 2)  # noqa: PLR2004 - OWASP's main row
_STEP_KIB = 1024
_MOST_PASSES = 64
_ROUNDS = 3
_CORRECTIONS = 3

Measure = Callable[[int, int], float]
"""(memory in KiB, passes) -> seconds of one hash."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A cost and what it means here."""

    memory_kib: int
    time_cost: int
    seconds: float
    """Measured, one hash alone on one core."""
    within_target: bool
    """False when even the OWASP minimum takes longer than wanted here; it is proposed all the same."""

    @property
    def per_second(self) -> float:
        """Sign-ins each core can check in a second."""
        return 1.0 / self.seconds

    def environment(self) -> dict[str, str]:
        """The settings to write down."""
        return {
            "FASTNESS_PASSWORDS__MEMORY_KIB": str(self.memory_kib),
            "FASTNESS_PASSWORDS__TIME_COST": str(self.time_cost),
            "FASTNESS_PASSWORDS__PARALLELISM": "1",
        }


def measured(memory_kib: int, time_cost: int) -> float:
    """Seconds of one hash: the best of a few, so that a neighbour's burst does not count."""
    argon2id = Argon2id(PasswordSettings(memory_kib=memory_kib, time_cost=time_cost))
    times: list[float] = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        argon2id.hash(b"correct horse battery staple")
        times.append(time.perf_counter() - began)
    return min(times)


def propose(target_seconds: float = 0.1, memory_kib_max: int = 65_536, *, measure: Measure = measured) -> Proposal:
    """The strongest cost that takes at most `target_seconds`, and never less than the OWASP minimum (19 MiB, 2 passes).

    Memory grows first, up to `memory_kib_max` for each hashing thread, then the passes: memory is what makes guessing
    on graphics cards dear (RFC 9106 section 4). Blocks for about ten times the target.

    Raises:
        ValueError: the target is not positive, or the memory is below the OWASP minimum.
    """
    if target_seconds <= 0:
        raise ValueError("the target time must be positive")
    if memory_kib_max < _LEAST_KIB:
        raise ValueError(f"Argon2id needs at least {_LEAST_KIB} KiB for each hash")
    memory, passes = _LEAST_KIB, _LEAST_PASSES
    least = seconds = measure(memory, passes)
    for _ in range(_CORRECTIONS):
        # Time grows with memory times passes, nearly: so a first guess, then corrections of what is too slow.
        memory, passes = _within(memory * passes * target_seconds / seconds, memory_kib_max)
        if (memory, passes) == (_LEAST_KIB, _LEAST_PASSES):
            break
        seconds = measure(memory, passes)
        if seconds <= target_seconds:
            return Proposal(memory, passes, seconds, within_target=True)
    return Proposal(_LEAST_KIB, _LEAST_PASSES, least, within_target=least <= target_seconds)


def _within(work: float, memory_kib_max: int) -> tuple[int, int]:
    memory = int(min(memory_kib_max, work / _LEAST_PASSES)) // _STEP_KIB * _STEP_KIB
    memory = max(memory, _LEAST_KIB)
    return memory, min(max(int(work / memory), _LEAST_PASSES), _MOST_PASSES)
