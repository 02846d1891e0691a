"""What a sign-in asks of the database: few statements, and on SQLite one trip to its thread for each."""

# ruff: noqa: PT012 - what fails is a whole transaction
from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import exc, text

from accounts.serving import Served, serving
from accounts.statements import statements_of
from fresh_database import fresh_url
from models_on import add, models_on

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("notice", [False, True])
async def test_a_sign_in_is_one_read_and_one_transaction_of_four_statements_and_one_more_for_its_notice(
    url: str,
    notice: bool,  # noqa: FBT001
) -> None:
    async with serving(url, new_device_notice=notice) as served:
        await served.account()
        await served.login()
        await served.service.mail.settled()
        said = statements_of(served)

        await served.login()
        heard = [statement.split()[0] for statement in said]

    # Who it is; then that account held, its factors, and what is written.
    verbs = [verb for verb in heard if verb in {"SELECT", "INSERT", "UPDATE"}]
    assert verbs == ["SELECT", "SELECT", "SELECT", *["INSERT"] * (3 if notice else 2)]


async def test_a_sign_in_from_a_known_device_remembers_no_other(served: Served) -> None:
    await served.account()
    known = (await served.login())["device_token"]
    said = statements_of(served)

    again = await served.login(device_token=known)

    assert again["device_token"] == known
    assert not [statement for statement in said if "INSERT INTO fastness_devices" in statement]


async def test_a_suspended_account_opens_no_session_when_it_is_held_already(url: str) -> None:
    async with models_on(url) as db:
        ada = await add(db, "ada@example.com", verified=True)
        async with db.write() as work:
            await work.users.suspend(ada.id, now=1.0)

        async with db.write() as work:
            held = await work.users.hold(ada.id)
            opened = await work.sessions.open(
                ada.id, now=2.0, idle=9, absolute=9, cap=3, address="", agent="", held=held
            )

        assert opened is None


async def test_a_statement_to_sqlite_is_one_trip_to_its_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trips = 0
    async with fresh_url("sqlite", tmp_path) as url, models_on(url) as db:
        await add(db, "ada@example.com")
        async with db.read() as work:
            driver = (await work.users.connection.get_raw_connection()).driver_connection
        execute = type(driver)._execute  # type: ignore[union-attr]

        async def counted(self: Any, *given: Any, **named: Any) -> Any:
            nonlocal trips
            trips += 1
            return await execute(self, *given, **named)

        monkeypatch.setattr(type(driver), "_execute", counted)
        async with db.read() as work:
            await work.users.by_email("ada@example.com")
        reading = trips
        async with db.write() as work:
            await work.users.by_email("ada@example.com")
        writing = trips - reading

    assert (reading, writing) == (1, 3)  # BEGIN and COMMIT are statements too


async def test_many_rows_and_many_parameters_pass_in_one_trip(tmp_path: Path) -> None:
    async with fresh_url("sqlite", tmp_path) as url, models_on(url) as db:
        async with db.transaction() as connection:
            await connection.execute(text("CREATE TABLE numbers (n INTEGER)"))
            added = await connection.execute(text("INSERT INTO numbers VALUES (:n)"), [{"n": n} for n in range(500)])

            found = await connection.execute(text("SELECT n FROM numbers ORDER BY n"))
            gone = await connection.execute(text("DELETE FROM numbers WHERE n < 100 RETURNING n"))

        assert added.rowcount == 500
        assert (found.fetchone(), found.fetchmany(2), len(found.fetchall())) == ((0,), [(1,), (2,)], 497)
        assert len(gone.all()) == 100


async def test_a_statement_that_fails_says_so_and_the_connection_goes_on(tmp_path: Path) -> None:
    async with fresh_url("sqlite", tmp_path) as url, models_on(url) as db:
        with pytest.raises(exc.OperationalError) as failed:
            async with db.transaction() as connection:
                await connection.execute(text("SELECT * FROM nowhere"))

        assert isinstance(failed.value.orig, sqlite3.OperationalError)
        await add(db, "ada@example.com")


async def test_a_commit_that_fails_leaves_no_transaction_open(tmp_path: Path) -> None:
    async with fresh_url("sqlite", tmp_path) as url, models_on(url) as db:
        orphan = text("INSERT INTO fastness_devices VALUES (x'00', 'nobody', 1.0, 2.0, '', '', NULL)")

        # A foreign key that is looked at only then: SQLite refuses the COMMIT and keeps the transaction.
        with pytest.raises(exc.IntegrityError):
            async with db.transaction() as connection:
                await connection.execute(text("PRAGMA defer_foreign_keys = ON"))
                await connection.execute(orphan)

        await add(db, "ada@example.com")
        async with db.transaction() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM fastness_devices"))).scalar_one() == 0
