"""Refresh tokens on both databases: one live leaf however many refresh at once, and an old token ends the family."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fastness.accounts.models import Reused, Rotated
from fresh_database import fresh_url
from models_on import AccountDatabase, add, at_once, models_on, signed_in

pytestmark = [pytest.mark.anyio, pytest.mark.store]


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    async with fresh_url(request.param, tmp_path) as url, models_on(url) as database:
        yield database


async def rotate(db: AccountDatabase, token: str, *, now: float = 2.0, grace: float = 10.0) -> Rotated | Reused | None:
    async with db.write() as work:
        return await work.sessions.rotate(token, now=now, grace=grace, idle=1000)


async def renewed(db: AccountDatabase, token: str, *, now: float = 2.0, grace: float = 10.0) -> str:
    rotated = await rotate(db, token, now=now, grace=grace)
    assert isinstance(rotated, Rotated)
    return rotated.refresh_token


async def test_fifty_refreshes_at_once_get_one_successor_round_after_round(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    opened = await signed_in(db, ada)
    token = opened.refresh_token

    for round_ in range(5):
        before = token
        answers = await at_once(50, lambda _, t=before, n=2.0 + round_: rotate(db, t, now=n))

        successors = {answer.refresh_token for answer in answers if isinstance(answer, Rotated)}
        assert len(answers) == 50
        assert all(isinstance(answer, Rotated) for answer in answers)
        assert len(successors) == 1
        token = successors.pop()
    async with db.read() as work:
        assert [session.id for session in await work.sessions.list(ada.id, now=3.0)] == [opened.session_id]


async def test_without_grace_one_of_fifty_wins_and_the_replays_end_the_family(db: AccountDatabase) -> None:
    for round_ in range(5):
        ada = await add(db, f"ada{round_}@example.com")
        opened = await signed_in(db, ada)

        answers = await at_once(50, lambda _, t=opened.refresh_token: rotate(db, t, grace=0))

        won = [answer for answer in answers if isinstance(answer, Rotated)]
        assert len(won) == 1
        assert answers.count(Reused(ada.id, opened.session_id)) == 1
        assert await rotate(db, won[0].refresh_token, grace=0) is None


async def test_the_replaced_token_gets_the_same_successor_within_the_grace_and_ends_the_family_after(
    db: AccountDatabase,
) -> None:
    ada = await add(db, "ada@example.com")
    opened = await signed_in(db, ada)
    second = await renewed(db, opened.refresh_token, now=100.0)

    assert await renewed(db, opened.refresh_token, now=110.0) == second
    assert await rotate(db, opened.refresh_token, now=110.1) == Reused(ada.id, opened.session_id)
    assert await rotate(db, second, now=110.2) is None


async def test_a_token_two_generations_old_ends_the_family_even_within_the_grace(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    opened = await signed_in(db, ada)
    second = await renewed(db, opened.refresh_token)
    third = await renewed(db, second)

    assert await rotate(db, opened.refresh_token) == Reused(ada.id, opened.session_id)
    assert await rotate(db, opened.refresh_token) is None
    assert await rotate(db, third) is None


async def test_a_token_of_any_age_is_recognised_while_the_session_lives(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    opened = await signed_in(db, ada)
    token = opened.refresh_token
    for _ in range(30):
        token = await renewed(db, token)

    assert await rotate(db, opened.refresh_token, now=500.0) == Reused(ada.id, opened.session_id)


async def test_reuse_ends_one_session_of_the_user_and_leaves_the_others(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    stolen, other = await signed_in(db, ada), await signed_in(db, ada)
    await renewed(db, await renewed(db, stolen.refresh_token))

    await rotate(db, stolen.refresh_token)

    assert await renewed(db, other.refresh_token)


@pytest.mark.parametrize("forged", ["", "x", "A" * 67, "é" * 67, "\0" * 67, "\ud800" * 67, "A" * 100_000])
async def test_an_unknown_or_malformed_token_is_nothing(db: AccountDatabase, forged: str) -> None:
    assert await rotate(db, forged) is None
    async with db.write() as work:
        assert await work.sessions.close_presented(forged, now=1.0) is None
        assert await work.sessions.close(forged, now=1.0) is None
        assert await work.sessions.get(forged, now=1.0) is None


async def test_a_session_ends_when_idle_and_at_its_absolute_end(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    idle, absolute = await signed_in(db, ada, now=0.0), await signed_in(db, ada, now=0.0)
    token = absolute.refresh_token
    for now in range(900, 10_000, 900):
        token = await renewed(db, token, now=now)

    assert await rotate(db, idle.refresh_token, now=1000.0) is None
    assert await rotate(db, token, now=10_000.0) is None
    async with db.read() as work:
        assert await work.sessions.get(absolute.session_id, now=9_999.0) is not None
        assert await work.sessions.get(absolute.session_id, now=10_000.0) is None
        assert await work.sessions.list(ada.id, now=10_000.0) == ()


async def test_twenty_sign_ins_at_once_never_exceed_the_cap_and_name_whom_they_closed(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")

    opened = await at_once(20, lambda i: signed_in(db, ada, now=float(i), cap=3))

    closed = {session_id for each in opened for session_id in each.closed}
    async with db.read() as work:
        left = {session.id for session in await work.sessions.list(ada.id, now=20.0)}
    assert len(left) == 3
    assert closed | left == {each.session_id for each in opened}
    assert not closed & left


async def test_a_suspended_account_opens_no_session(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    async with db.write() as work:
        await work.users.suspend(ada.id, now=1.0)

        opened = await work.sessions.open(ada.id, now=2, idle=1, absolute=1, cap=1, address="", agent="")

    assert opened is None


async def test_logout_ends_one_session_or_all_but_this_one(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    first, second, third = [await signed_in(db, ada) for _ in range(3)]
    older = second.refresh_token
    await renewed(db, older)

    async with db.write() as work:
        assert await work.sessions.close(first.session_id, now=2.0) == ada.id
        assert await work.sessions.close(first.session_id, now=2.0) is None
        assert await work.sessions.close_presented(older, now=2.0) == (ada.id, second.session_id)
    fourth = await signed_in(db, ada)
    async with db.write() as work:
        assert await work.sessions.close_all(ada.id, now=2.0, except_=fourth.session_id) == [third.session_id]
        assert await work.sessions.close_all(ada.id, now=2.0) == [fourth.session_id]


async def test_what_a_stranger_sends_as_agent_is_stored_short_and_printable(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")

    async with db.write() as work:
        opened = await work.sessions.open(
            ada.id, now=1.0, idle=10, absolute=10, cap=5, address="\0" * 999, agent="evil\0\x1b[2J\ud800" + "x" * 9999
        )
        assert opened is not None
        session = await work.sessions.get(opened.session_id, now=2.0)

    assert session is not None
    assert session.agent.startswith("evil??[2J?x")
    assert (len(session.agent), len(session.address)) == (256, 64)
