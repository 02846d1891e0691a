"""Leaked passwords are refused without telling anybody which; who cannot be asked refuses nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fastness.accounts.breached import breached_for
from fastness.controls.passwords import Breached, PasswordSettings, WeakPassword
from fastness.core.events import Event, EventType

pytestmark = pytest.mark.anyio

LEAKED = "violet teapot under the stairs"
DIGEST = hashlib.sha1(LEAKED.encode()).hexdigest().upper()


async def range_of(prefix: str) -> str:
    lines = ["0" * 35 + ":0", "F" * 35 + ":7"]
    return "\r\n".join(([f"{DIGEST[5:]}:42"] if prefix == DIGEST[:5] else []) + lines)


async def test_a_leaked_password_is_refused_and_another_passes() -> None:
    with pytest.raises(WeakPassword) as refused:
        await Breached(range_of).refuse(LEAKED)
    await Breached(range_of).refuse("a brass kettle behind the moon")

    assert refused.value.weakness == "breached"
    assert LEAKED not in refused.value.public


async def test_only_five_digits_leave_the_house() -> None:
    asked: list[str] = []

    async def listening(prefix: str) -> str:
        asked.append(prefix)
        return ""

    await Breached(listening).refuse(LEAKED)

    assert asked == [DIGEST[:5]]


async def test_padding_with_a_count_of_none_refuses_nothing() -> None:
    async def padded(_: str) -> str:
        return f"{DIGEST[5:]}:0"

    await Breached(padded).refuse(LEAKED)


@pytest.mark.parametrize(("least", "refused"), [(42, True), (43, False)])
async def test_how_often_it_was_seen_can_matter(least: int, refused: bool) -> None:  # noqa: FBT001
    try:
        await Breached(range_of, least=least).refuse(LEAKED)
    except WeakPassword:
        assert refused
    else:
        assert not refused


async def test_a_source_that_is_away_refuses_nothing_and_is_one_event() -> None:
    events, up = list[Event](), [False, False, True, False]

    async def flaky(prefix: str) -> str:
        if not up.pop(0):
            raise ConnectionResetError("canary")
        return await range_of(prefix)

    breached = Breached(flaky, emit=events.append)
    for _ in range(2):
        await breached.refuse(LEAKED)
    with pytest.raises(WeakPassword):
        await breached.refuse(LEAKED)
    await breached.refuse(LEAKED)

    assert [event.type for event in events] == [EventType.SYS_MONITOR_DISABLED] * 2
    assert "canary" not in repr(events)


async def test_range_files_on_this_machine_are_read(tmp_path: Path) -> None:
    (tmp_path / f"{DIGEST[:5]}.txt").write_text(f"{DIGEST[5:]}:42\n")
    settings = PasswordSettings(breached="files", breached_folder=tmp_path)
    breached = breached_for(settings, lambda _: None)

    assert breached is not None
    with pytest.raises(WeakPassword):
        await breached.refuse(LEAKED)
    assert settings.problems(production=True) == []


def test_files_without_a_folder_stop_the_start() -> None:
    for folder in (None, Path("/nowhere")):
        settings = PasswordSettings(breached="files", breached_folder=folder)

        assert [found.where for found in settings.problems(production=False)] == ["FASTNESS_PASSWORDS__BREACHED_FOLDER"]


def test_it_is_off_unless_it_is_chosen() -> None:
    assert breached_for(PasswordSettings(), lambda _: None) is None
