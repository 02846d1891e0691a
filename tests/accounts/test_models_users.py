"""Accounts on both databases: one address makes one account, and the last administrator stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fastness.accounts.models import Account, Deleted, LastAdmin
from fresh_database import fresh_url
from models_on import AccountDatabase, add, at_once, models_on

pytestmark = [pytest.mark.anyio, pytest.mark.store]


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    async with fresh_url(request.param, tmp_path) as url, models_on(url) as database:
        yield database


async def test_one_address_added_fifty_times_at_once_makes_one_account(db: AccountDatabase) -> None:
    for round_ in range(5):
        address = f"ada{round_}@example.com"

        added = await at_once(50, lambda _, a=address: _added(db, a))

        assert [account.canonical for account in added if account] == [address]
        async with db.read() as work:
            assert (await work.users.by_email(address)) in added


async def test_an_account_is_found_by_key_and_by_address(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")

    async with db.read() as work:
        assert await work.users.by_id(ada.id) == ada
        assert await work.users.by_email("ada@example.com") == ada
        assert await work.users.by_email("eve@example.com") is None


@pytest.mark.parametrize("malformed", ["", "1", "x" * 5000, "\0", "\ud800", "{%s}", "urn:uuid:%s", "%s ", "' OR 1=1"])
async def test_a_malformed_key_is_nobodys_and_no_error(db: AccountDatabase, malformed: str) -> None:
    ada = await add(db, "ada@example.com")
    given = malformed % ada.id if "%s" in malformed else malformed

    async with db.write() as work:
        assert await work.users.by_id(given) is None
        assert await work.users.rename(given, "x") is None
        assert await work.users.delete(given) is None
        assert await work.users.suspend(given, now=1.0) is None
        assert await work.users.bump_version(given) is None
        assert not await work.users.set_password_hash(given, "new", old="hash")
        assert await work.sessions.close_all(given, now=1.0) == []


async def test_an_address_no_database_can_hold_is_nobodys(db: AccountDatabase) -> None:
    async with db.read() as work:
        assert await work.users.by_email("a\0b@example.com") is None
        assert await work.users.by_email("\ud800@example.com") is None


async def test_a_hash_is_replaced_only_while_it_is_still_the_one_that_was_checked(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")

    async def replace(i: int) -> bool:
        async with db.write() as work:
            return await work.users.set_password_hash(ada.id, f"new {i}", old="hash")

    assert sum(await at_once(20, replace)) == 1


async def test_an_account_without_password_can_get_its_first_one(db: AccountDatabase) -> None:
    async with db.write() as work:
        ada = await work.users.add(email="a", canonical="a", name="", password_hash=None, now=1.0)
        assert ada is not None

        assert await work.users.set_password_hash(ada.id, "first", old=None)
        assert not await work.users.set_password_hash(ada.id, "second", old=None)


async def test_verification_is_bound_to_the_address(db: AccountDatabase) -> None:
    async with db.write() as work:
        ada = await work.users.add(email="A@x.org", canonical="a@x.org", name="", password_hash=None, now=1.0)
        assert ada is not None
        assert not await work.users.mark_verified(ada.id, canonical="old@x.org", now=2.0)
        assert await work.users.mark_verified(ada.id, canonical="a@x.org", now=2.0)
        found = await work.users.by_id(ada.id)

    assert found is not None
    assert found.verified


async def test_a_changed_role_or_a_suspension_raises_the_version_once(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")

    async with db.write() as work:
        await work.users.set_role(ada.id, "editor", now=2.0)
        await work.users.set_role(ada.id, "editor", now=3.0)
        await work.users.suspend(ada.id, now=4.0)
        again = await work.users.suspend(ada.id, now=5.0)
        bumped = await work.users.bump_version(ada.id)
        lifted = await work.users.unsuspend(ada.id, now=6.0)

    assert isinstance(again, Account)
    assert (again.version, again.suspended, again.role) == (2, True, "editor")
    assert bumped == 3
    assert lifted is not None
    assert not lifted.suspended


@pytest.mark.parametrize("verb", ["delete", "suspend", "demote"])
async def test_two_administrators_who_remove_each_other_at_once_leave_one(db: AccountDatabase, verb: str) -> None:
    async def remove(id_: str) -> object:
        async with db.write() as work:
            match verb:
                case "delete":
                    return await work.users.delete(id_)
                case "suspend":
                    return await work.users.suspend(id_, now=2.0)
                case _:
                    return await work.users.set_role(id_, "user", now=2.0)

    for round_ in range(8):
        pair = [await add(db, f"{name}{round_}@example.com", role="admin", verified=True) for name in "ab"]

        done = await at_once(2, lambda i, p=pair: remove(p[i].id))

        assert [type(d) for d in done].count(LastAdmin) == 1
        async with db.read() as work:
            assert await work.users.admins() == 1
        await _nobody(db)


async def test_of_five_administrators_removed_all_at_once_one_stays(db: AccountDatabase) -> None:
    for round_ in range(5):
        five = [await add(db, f"{round_}.{i}@example.com", role="super_admin", verified=True) for i in range(5)]

        async def remove(i: int, them: list[Account] = five) -> object:
            async with db.write() as work:
                return await work.users.delete(them[i].id)

        done = await at_once(5, remove)

        async with db.read() as work:
            assert await work.users.admins() == 1
        assert [type(d) for d in done].count(Deleted) == 4
        await _nobody(db)


async def test_an_administrator_who_cannot_sign_in_does_not_count_as_one(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com", role="admin", verified=True)
    await add(db, "unverified@example.com", role="admin")
    suspended = await add(db, "suspended@example.com", role="admin", verified=True)

    async with db.write() as work:
        await work.users.suspend(suspended.id, now=2.0)

        assert isinstance(await work.users.delete(ada.id), LastAdmin)
        assert isinstance(await work.users.delete(suspended.id), Deleted)


async def test_deleting_an_account_takes_all_that_hangs_on_it(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    async with db.write() as work:
        opened = await work.sessions.open(
            ada.id, now=1.0, idle=10, absolute=10, cap=5, address="192.0.2.1", agent="test"
        )
        device = await work.devices.remember(ada.id, now=1.0, ttl=10)
        code = await work.codes.put(purpose="verify", user_id=ada.id, canonical="a", flow="f", now=1.0, ttl=10)
    assert opened
    assert device
    assert code

    async with db.write() as work:
        deleted = await work.users.delete(ada.id)

    async with db.write() as work:
        assert deleted == Deleted(ada)
        assert await work.sessions.rotate(opened.refresh_token, now=2.0, grace=10, idle=10) is None
        assert await work.codes.redeem_token("verify", code.token, now=2.0) is None
        assert not await work.devices.known(ada.id, device, now=2.0)
        assert await work.sessions.open(ada.id, now=2, idle=1, absolute=1, cap=1, address="", agent="") is None
        assert await work.devices.remember(ada.id, now=2.0, ttl=10) is None
        assert await work.codes.put(purpose="v", user_id=ada.id, canonical="a", flow="f", now=1.0, ttl=1) is None
        assert await work.users.delete(ada.id) is None


async def _added(db: AccountDatabase, address: str) -> Account | None:
    async with db.write() as work:
        return await work.users.add(email=address.upper(), canonical=address, name="Ada", password_hash="hash", now=1.0)


async def _nobody(db: AccountDatabase) -> None:
    async with db.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM users")
