"""The tuner proposes the strongest cost within the target, and never less than the OWASP minimum."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fastness.controls.passwords import PasswordSettings
from fastness.controls.passwords.tune import measured, propose


def machine(nanoseconds: float) -> Callable[[int, int], float]:
    """A machine that needs so many nanoseconds for each KiB and pass; exact, so that a test needs no clock."""
    return lambda memory, passes: memory * passes * nanoseconds / 1e9


@pytest.mark.parametrize("nanoseconds", [100, 500, 1000])
@pytest.mark.parametrize("target", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("memory_max", [19_456, 65_536, 262_144])
def test_a_proposal_is_within_the_target_and_passes_the_start_check(
    nanoseconds: float, target: float, memory_max: int
) -> None:
    proposal = propose(target, memory_max, measure=machine(nanoseconds))
    settings = PasswordSettings(memory_kib=proposal.memory_kib, time_cost=proposal.time_cost)

    assert proposal.seconds <= target
    assert proposal.within_target
    assert proposal.memory_kib <= memory_max
    assert settings.problems(production=True) == []


def test_memory_grows_before_passes() -> None:
    proposal = propose(1.0, 65_536, measure=machine(500))

    assert (proposal.memory_kib, proposal.time_cost) == (65_536, 30)
    assert propose(0.05, 65_536, measure=machine(500)).time_cost == 2


def test_most_of_the_target_is_used() -> None:
    for target in (0.05, 0.1, 0.3):
        assert propose(target, 262_144, measure=machine(500)).seconds > 0.8 * target


def test_a_slow_machine_gets_the_owasp_minimum_and_is_told_so() -> None:
    proposal = propose(0.01, measure=machine(1000))

    assert (proposal.memory_kib, proposal.time_cost, proposal.within_target) == (19_456, 2, False)


def test_a_machine_that_slows_down_with_memory_is_measured_again() -> None:
    def slow(memory: int, passes: int) -> float:
        return memory * passes * (1000 if memory > 20_000 else 100) / 1e9

    proposal = propose(0.1, 262_144, measure=slow)

    assert slow(proposal.memory_kib, proposal.time_cost) == proposal.seconds <= 0.1


def test_a_proposal_is_written_as_settings() -> None:
    proposal = propose(0.1, measure=machine(500))

    assert proposal.environment() == {
        "FASTNESS_PASSWORDS__MEMORY_KIB": str(proposal.memory_kib),
        "FASTNESS_PASSWORDS__TIME_COST": str(proposal.time_cost),
        "FASTNESS_PASSWORDS__PARALLELISM": "1",
    }
    assert proposal.per_second == 1 / proposal.seconds


def test_a_real_measurement_hashes() -> None:
    assert measured(64, 1) > 0


@pytest.mark.parametrize(("target", "memory"), [(0, 65_536), (-1, 65_536), (0.1, 19_455)])
def test_an_impossible_wish_is_refused(target: float, memory: int) -> None:
    with pytest.raises(ValueError, match=r"must be positive|at least 19456 KiB"):
        propose(target, memory, measure=machine(500))
