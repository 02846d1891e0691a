"""The account service beside its model: the short form of `python tools/model.py`, and that it sees what is broken."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import false

from fastness.accounts.flows.endings import Endings
from fastness.accounts.models.sessions import Sessions
from proof.model.machine import Machine
from proof.model.service import Service

MODEL = [Path(__file__).parent / "model" / f"{name}.py" for name in ("effects", "model")]
SHORT: Any = {
    "stateful_step_count": 40, "deadline": None, "derandomize": True, "database": None, "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck), "report_multiple_bugs": False, "print_blob": False,
}  # fmt: skip


class Told(Machine):
    """One story that is told by hand."""

    def arrived(self) -> None:
        self.arrive("ada@example.com", "violet teapot under the stairs")

    def looked(self) -> None:
        self.the_database_holds_what_the_model_holds()
        for _ in self.model.access:
            self.a_token_works_while_its_session_lives_and_no_longer()


@pytest.fixture
def told() -> Any:
    machine = Told()
    yield machine
    machine.teardown()


@pytest.mark.timeout(300)
def test_the_service_does_what_the_model_says_whatever_is_asked_in_whatever_order() -> None:
    before, faults = Machine.requests - Machine.probes, Machine.faults

    run_state_machine_as_test(Machine, settings=settings(max_examples=10, **SHORT))

    assert Machine.requests - Machine.probes - before >= 200
    assert Machine.faults > faults


def reset_after_a_sign_in(told: Told) -> None:
    told.arrived()
    told.ask("ada@example.com", "forgot", None)
    told.reset(0, right=True, link=True, words="seven slow clouds over harbour", fault=None)
    told.looked()


def reuse_after_the_grace(told: Told) -> None:
    told.arrived()
    told.refresh(0, 0, None)
    told.time(11)
    told.refresh(0, 1, None)
    told.looked()


@pytest.mark.parametrize("story", [reset_after_a_sign_in, reuse_after_the_grace])
def test_what_is_whole_passes(told: Told, story: Any) -> None:
    story(told)


def test_a_reset_that_ends_no_session_is_seen(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(Endings, "all", nothing)

    with pytest.raises(AssertionError):
        reset_after_a_sign_in(told)


def test_a_reuse_that_ends_no_family_is_seen(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    rotate = Sessions.rotate

    async def forgiving(sessions: Sessions, presented: str, **how: Any) -> Any:
        sql = copy(sessions.sql)
        sql.reused = sql.reused.where(false())
        return await rotate(replace(sessions, sql=sql), presented, **how)

    monkeypatch.setattr(Sessions, "rotate", forgiving)

    with pytest.raises(AssertionError):
        reuse_after_the_grace(told)


def test_without_anybody_the_database_is_empty() -> None:
    service = Service("sqlite")
    try:
        assert service.held() == {"people": [], "leaves": []}
    finally:
        service.close()


def test_the_rules_of_the_model_stay_smaller_than_what_they_judge() -> None:
    lines = [line.strip() for file in MODEL for line in file.read_text().splitlines()]
    assert sum(bool(line) and not line.startswith(('"""', "#", "from ", "import ")) for line in lines) <= 300
