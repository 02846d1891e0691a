"""`fastness db`, `users` and `keys`, as an operator types them: real processes' entry point, real SQLite."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from pathlib import Path

import pytest

from fastness.accounts import migrations
from fastness.accounts.db import Database
from fastness.accounts.models import Account, StoredKey, Work, default_models
from fastness.accounts.signing import PUBLISHED
from fastness.cli import run
from fastness.controls.passwords import Passwords, PasswordSettings

SECRET = "Zk3u8-not-published-0c1f5b7e9d2a4466a1b3c5d7"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for the database that the environment names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNESS_ENVIRONMENT", "production")
    monkeypatch.setenv("FASTNESS_SECRET", SECRET)
    monkeypatch.setenv("FASTNESS_DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    return tmp_path / "a.db"


@pytest.fixture
def tables(file: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    """The database with its tables."""
    assert run(["db", "upgrade"]) == 0
    capfd.readouterr()
    return file


def accounts(file: Path) -> list[Account]:
    async def read() -> list[Account]:
        database: Database[Work] = Database(f"sqlite:///{file}", default_models())
        async with database.read() as work:
            page = await work.users.page(limit=100)
        await database.close()
        return list(page.items)

    return asyncio.run(read())


def keys(file: Path) -> tuple[StoredKey, ...]:
    async def read() -> tuple[StoredKey, ...]:
        database: Database[Work] = Database(f"sqlite:///{file}", default_models())
        async with database.read() as work:
            found = await work.keys.all()
        await database.close()
        return found

    return asyncio.run(read())


def test_upgrade_makes_the_tables_and_says_from_where_to_where(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["db", "current"]) == 0
    assert run(["db", "upgrade"]) == 0
    assert run(["db", "upgrade"]) == 0
    assert run(["db", "current"]) == 0

    newest = migrations.head()
    assert capfd.readouterr().out.splitlines() == [
        f'none (newest is {newest}; run "fastness db upgrade")',
        f"Upgraded from nothing to {newest}.",
        f"The database is at {newest}.",
        f"{newest} (newest)",
    ]


def test_tables_that_are_not_ours_stop_the_upgrade(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE fastness_sessions (x)")
    other.close()

    assert run(["db", "upgrade"]) == 1
    assert "Nothing was changed" in capfd.readouterr().err


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_sql_prints_statements_and_touches_no_database(
    file: Path, capfd: pytest.CaptureFixture[str], dialect: str
) -> None:
    assert run(["db", "sql", "--dialect", dialect]) == 0

    out = capfd.readouterr().out
    assert "CREATE TABLE users" in out
    assert ('COLLATE "C"' in out) is (dialect == "postgresql")
    assert not file.exists()


def test_sql_speaks_the_dialect_of_the_settings_unless_told(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["db", "sql"]) == 0
    assert "COLLATE" not in capfd.readouterr().out
    assert run(["db", "sql", "--dialect", "mysql"]) == 2


def test_purge_deletes_what_is_over_however_much_it_is(tables: Path, capfd: pytest.CaptureFixture[str]) -> None:
    database = sqlite3.connect(tables)
    rows = [(f"w{i}", 1.0) for i in range(12_000)] + [("alive", 1e12)]
    with database:
        database.executemany("INSERT INTO fastness_leases VALUES (?, ?)", rows)

    assert run(["db", "purge"]) == 0

    assert "fastness_leases: 12000" in capfd.readouterr().out
    assert database.execute("SELECT worker FROM fastness_leases").fetchall() == [("alive",)]
    database.close()


def test_purge_carries_out_deletions_whose_days_are_over(tables: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("gone", "kept"):
        assert run(["users", "create", f"{name}@example.com", "--role", "user", "--name", name]) == 0
    with contextlib.closing(sqlite3.connect(tables)) as database, database:
        ids = [row[0] for row in database.execute("SELECT id FROM users ORDER BY email")]
        rows = [(user_id, 1.0, due, 0) for user_id, due in zip(ids, (2.0, 1e12), strict=True)]
        database.executemany("INSERT INTO fastness_deletions VALUES (?, ?, ?, ?)", rows)

    assert run(["db", "purge"]) == 0

    assert "accounts whose owners left: 1\n" in capfd.readouterr().out
    with contextlib.closing(sqlite3.connect(tables)) as database:
        assert database.execute("SELECT email FROM users").fetchall() == [("kept@example.com",)]


def test_create_prints_a_made_password_once_and_it_is_the_accounts(
    tables: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["users", "create", "Ada@Example.com", "--role", "admin", "--name", "Ada"]) == 0

    said = capfd.readouterr().out
    (account,) = accounts(tables)
    password = re.search(r"^password: (\S{24})$", said, re.MULTILINE)
    assert password is not None
    assert (account.email, account.canonical) == ("Ada@example.com", "ada@example.com")
    assert (account.role, account.name, account.verified) == ("admin", "Ada", True)
    passwords = Passwords(PasswordSettings())
    assert asyncio.run(passwords.check(password[1], account.password_hash)).ok
    passwords.close()
    assert account.password_hash is not None
    assert account.password_hash not in said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["users", "create", "ADA@example.com"], 1),
        (["users", "create", "no address"], 2),
        (["users", "create", "bob@example.com", "--role", "emperor"], 2),
        (["users", "create", "bob@example.com", "--password", "hunter2"], 2),
        (["users", "promote", "ada@example.com", "--role", "emperor"], 2),
        (["users", "promote", "eve@example.com"], 1),
        (["users", "disable", "ada@example.com"], 1),
        (["users", "promote", "ada@example.com", "--role", "user"], 1),
        (["users", "list", "--after", "forged"], 2),
    ],
)
def test_what_cannot_be_done_changes_nothing_and_says_so(
    tables: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    run(["users", "create", "ada@example.com", "--role", "admin"])
    before = accounts(tables)
    capfd.readouterr()

    assert run(arguments) == code

    told = capfd.readouterr()
    assert accounts(tables) == before
    assert told.err
    assert "Traceback" not in told.err
    assert "password:" not in told.out


def test_promote_and_disable_end_tokens_that_say_otherwise(tables: Path) -> None:
    run(["users", "create", "ada@example.com", "--role", "admin"])
    run(["users", "create", "bob@example.com"])

    assert run(["users", "promote", "BOB@example.com"]) == 0
    assert run(["users", "disable", accounts(tables)[0].id]) == 0

    ada, bob = accounts(tables)
    log = sqlite3.connect(tables)
    entries = log.execute("SELECT kind, subject, version FROM fastness_revocations ORDER BY seq").fetchall()
    log.close()
    assert (ada.suspended, bob.role) == (True, "admin")
    assert entries == [("user", bob.id, bob.version), ("user", ada.id, ada.version)]


def test_list_prints_accounts_and_no_terminal_codes_of_strangers(
    tables: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(["users", "create", "ada@example.com"])
    run(["users", "create", "bob@example.com"])
    # As a program that writes to the table itself may leave it.
    connection = sqlite3.connect(tables)
    connection.execute("UPDATE users SET name = ? WHERE email LIKE 'ada%'", ("Ada\x1b[2J",))
    connection.commit()
    connection.close()
    capfd.readouterr()

    assert run(["users", "list", "--limit", "1"]) == 0
    told = capfd.readouterr()
    assert run(["users", "list", "--search", "BOB"]) == 0

    assert told.out.endswith("ada@example.com  user  active  Ada?[2J\n")
    assert "--after" in told.err
    assert [line.split()[1] for line in capfd.readouterr().out.splitlines()] == ["bob@example.com"]


def test_rotation_adds_a_sealed_key_and_lets_the_older_ones_verify_on(
    tables: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "rotate"]) == 0
    assert run(["keys", "rotate"]) == 0
    assert run(["keys", "list"]) == 0

    first, second = keys(tables)
    said = capfd.readouterr()
    assert first.activates_at > first.created_at
    assert first.retires_at is not None
    assert first.retires_at > second.activates_at + 600
    assert second.retires_at is None
    assert "PRIVATE" not in first.sealed
    assert first.sealed not in said.out
    assert second.kid in said.out.splitlines()[-1]


def test_rotation_without_a_secret_is_refused(
    tables: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FASTNESS_SECRET")

    assert run(["keys", "rotate"]) == 78
    assert keys(tables) == ()
    assert "FASTNESS_SECRET" in capfd.readouterr().err


@pytest.mark.parametrize(
    "command", [["users", "list"], ["keys", "list"], ["db", "purge"], ["users", "disable", "ada@example.com"]]
)
def test_a_database_without_tables_is_told_apart_by_one_sentence(
    file: Path, capfd: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert run(command) == 1
    assert "fastness db upgrade" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("url", "code"),
    [("mysql://ada:hunter2@h/x", 78), ("hunter2", 78), ("postgresql://ada:hunter2@127.0.0.1:9/x", 1)],
)
def test_a_database_that_cannot_be_reached_tells_no_password(
    file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str, code: int
) -> None:
    monkeypatch.setenv("FASTNESS_DATABASE_URL", url)

    for command in (["db", "upgrade"], ["users", "list"], ["keys", "rotate"]):
        assert run(command) == code

    told = capfd.readouterr()
    assert "hunter2" not in told.out + told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("name", ["a" * 300, "red \x1b[31m", "zero\0"])
def test_a_name_that_registration_would_refuse_is_refused_here(
    tables: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    status = run(["users", "create", "ada@example.com", "--name", name])

    assert status == 2
    assert "--name" in capfd.readouterr().err
    assert accounts(tables) == []


def test_a_new_key_signs_only_when_no_verifier_can_hold_the_older_list(tables: Path) -> None:
    assert run(["keys", "rotate"]) == 0

    (key,) = keys(tables)

    assert key.activates_at - key.created_at > PUBLISHED
