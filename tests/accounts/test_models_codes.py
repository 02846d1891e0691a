"""One-time codes on both databases: spent once, five tries, and nothing to read in a dump."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fastness.accounts.models import Account, Code, Redeemed
from fresh_database import fresh_url
from models_on import AccountDatabase, add, at_once, models_on

pytestmark = [pytest.mark.anyio, pytest.mark.store]


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    async with fresh_url(request.param, tmp_path) as url, models_on(url) as database:
        yield database


async def put(db: AccountDatabase, account: Account, *, flow: str = "flow", now: float = 1.0) -> Code:
    async with db.write() as work:
        code = await work.codes.put(
            purpose="verify", user_id=account.id, canonical=account.canonical, flow=flow, now=now, ttl=600
        )
    assert code is not None
    return code


async def by_digits(db: AccountDatabase, digits: str, *, flow: str = "flow", now: float = 2.0) -> Redeemed | None:
    async with db.write() as work:
        return await work.codes.redeem_digits("verify", flow, digits, now=now)


async def by_token(db: AccountDatabase, token: str, *, purpose: str = "verify", now: float = 2.0) -> Redeemed | None:
    async with db.write() as work:
        return await work.codes.redeem_token(purpose, token, now=now)


def wrong(code: Code, i: int = 1) -> str:
    return f"{(int(code.digits) + i) % 10**8:08d}"


@pytest.mark.parametrize("way", ["token", "digits", "both"])
async def test_a_code_redeemed_thirty_times_at_once_is_spent_once(db: AccountDatabase, way: str) -> None:
    ada = await add(db, "ada@example.com")
    for _ in range(5):
        code = await put(db, ada)

        async def redeem(i: int, code: Code = code) -> Redeemed | None:
            if way == "token" or (way == "both" and i % 2):
                return await by_token(db, code.token)
            return await by_digits(db, code.digits)

        answers = await at_once(30, redeem)

        assert [answer for answer in answers if answer] == [Redeemed(ada.id, "ada@example.com")]


async def test_parallel_guesses_cannot_share_a_try(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    for _ in range(5):
        code = await put(db, ada)

        await at_once(5, lambda i, c=code: by_digits(db, wrong(c, i + 1)))

        assert await by_digits(db, code.digits) is None


async def test_after_four_wrong_tries_the_fifth_may_still_be_right(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    code = await put(db, ada)
    for i in range(4):
        assert await by_digits(db, wrong(code, i + 1)) is None

    assert await by_digits(db, code.digits) == Redeemed(ada.id, "ada@example.com")


async def test_guesses_at_the_digits_leave_the_link_working(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    code = await put(db, ada)
    for i in range(9):
        await by_digits(db, wrong(code, i + 1))

    assert await by_token(db, code.token) is not None


async def test_digits_work_only_in_the_flow_that_asked_and_tokens_only_for_their_purpose(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    code = await put(db, ada)

    assert await by_digits(db, code.digits, flow="another") is None
    assert await by_token(db, code.token, purpose="reset") is None
    assert await by_token(db, code.token, now=601.1) is None
    assert await by_digits(db, code.digits, now=601.1) is None
    assert await by_digits(db, code.digits, now=600.9) is not None


async def test_a_new_code_replaces_the_one_of_its_flow_and_no_other(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    owner, stranger = await put(db, ada, flow="owner"), await put(db, ada, flow="stranger")
    newer = await put(db, ada, flow="stranger")

    assert await by_token(db, stranger.token) is None
    assert await by_digits(db, owner.digits, flow="owner") is not None
    assert await by_digits(db, newer.digits, flow="stranger") is not None


@pytest.mark.parametrize("odd", ["", "1", "123456789", "１２３４５６７８", "\0" * 8, "\ud800" * 8, "9" * 100_000])
async def test_what_is_no_code_costs_no_try_and_is_no_error(db: AccountDatabase, odd: str) -> None:
    ada = await add(db, "ada@example.com")
    code = await put(db, ada)

    for _ in range(6):
        assert await by_digits(db, odd) is None
        assert await by_digits(db, "12345678", flow=odd) is None
        assert await by_token(db, odd) is None

    assert await by_digits(db, code.digits) is not None


async def test_codes_are_long_enough_to_resist_guessing(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")

    codes = [await put(db, ada, flow=str(i)) for i in range(20)]

    assert {len(code.digits) for code in codes} == {8}
    assert {len(code.token) for code in codes} == {43}
    assert len({code.token for code in codes} | {code.digits for code in codes}) == 40
    assert codes[0].token not in repr(codes[0])
    assert codes[0].digits not in repr(codes[0])
