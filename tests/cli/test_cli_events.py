"""`fastness events` and `db purge`, as an operator types them: the real entry point and a real SQLite file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accounts.chained import chain_of, ledger, rows_of
from fastness.cli import run
from models_on import models_on

SECRET = "Zk3u8-not-published-0c1f5b7e9d2a4466a1b3c5d7"
NEWER = "Pq7w2-not-published-either-9d2a4466a1b3c5d70c1f5b7e"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Path:
    """A database with its tables, which the environment names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNESS_ENVIRONMENT", "production")
    monkeypatch.setenv("FASTNESS_SECRET", SECRET)
    monkeypatch.setenv("FASTNESS_DATABASE_URL", f"sqlite:///{tmp_path}/events.db")
    assert run(["db", "upgrade"]) == 0
    capfd.readouterr()
    return tmp_path / "events.db"


def fill(file: Path, count: int, *, secret: str = SECRET, at: float | None = None) -> str:
    """Append events; the anchor of the last."""

    async def write() -> str:
        async with models_on(f"sqlite:///{file}", tables=False) as db:
            await chain_of(db, count, ledger(secret), at=time.time() - count if at is None else at)
            last = (await rows_of(db))[-1]
            return f"{last.seq}:{last.mac[:16].hex()}"

    return asyncio.run(write())


def meddled(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(statement)
    connection.close()


def test_verify_says_what_it_saw_and_prints_an_anchor_to_keep(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "verify"]) == 0
    nothing = capfd.readouterr().out
    anchor = fill(file, 30)

    assert run(["events", "verify"]) == 0
    said = capfd.readouterr().out
    assert run(["events", "verify", "--anchor", anchor]) == 0

    assert nothing == "There are no events.\n"
    assert said == f"30 events, 1 to 30: all as they were written.\nanchor: {anchor}\n"


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("UPDATE fastness_events SET content = '{}' WHERE seq = 17", 17),
        ("DELETE FROM fastness_events WHERE seq = 17", 17),
        ("DELETE FROM fastness_events WHERE seq > 17", 18),
    ],
)
def test_verify_ends_with_1_and_names_the_first_bad_event(
    file: Path, capfd: pytest.CaptureFixture[str], statement: str, first: int
) -> None:
    fill(file, 30)
    meddled(file, statement)

    assert run(["events", "verify"]) == 1

    told = capfd.readouterr()
    assert f"does not hold at {first}:" in told.err
    assert "anchor" not in told.out


def test_an_anchor_tells_of_a_database_that_was_put_back(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fill(file, 20)
    backup = file.read_bytes()
    anchor = fill(file, 10)
    file.write_bytes(backup)

    assert run(["events", "verify"]) == 0
    assert run(["events", "verify", "--anchor", anchor]) == 1
    assert "the anchor names 30" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["30", "x:00", "30:abc", "30:" + "0" * 64])
def test_an_anchor_that_is_none_is_wrong_usage(file: Path, text: str) -> None:
    assert run(["events", "verify", "--anchor", text]) == 2


def test_verify_reads_events_of_older_secrets_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(file, 10)
    monkeypatch.setenv("FASTNESS_SECRET", json.dumps([SECRET, NEWER]))
    assert run(["events", "verify"]) == 0

    monkeypatch.setenv("FASTNESS_SECRET", NEWER)
    assert run(["events", "verify"]) == 1


def test_without_a_secret_or_a_database_nothing_is_called_intact(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FASTNESS_DATABASE_URL", f"sqlite:///{file.parent}/other.db")
    assert run(["events", "verify"]) == 3
    assert run(["events", "export"]) == 3
    monkeypatch.setenv("FASTNESS_DATABASE_URL", f"sqlite:///{file}")
    monkeypatch.delenv("FASTNESS_SECRET")
    assert run(["events", "verify"]) == 78

    told = capfd.readouterr()
    assert told.out == ""
    assert "FASTNESS_SECRET" in told.err


def test_export_prints_json_lines_from_a_moment_or_a_number_on(
    file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file, 5, at=1_700_000_000.0)
    fill(file, 5)
    monkeypatch.delenv("FASTNESS_SECRET")  # reading needs none
    told: dict[str, list[int]] = {}
    for arguments in ("", "--since 7d", "--since 2023-11-14T22:13:23Z", "--since 2023-11-14T22:13:23", "--after 8"):
        assert run(["events", "export", *arguments.split()]) == 0
        told[arguments] = [json.loads(line)["seq"] for line in capfd.readouterr().out.splitlines()]

    assert told == {
        "": list(range(1, 11)),
        "--since 7d": list(range(6, 11)),
        "--since 2023-11-14T22:13:23Z": list(range(4, 11)),
        "--since 2023-11-14T22:13:23": list(range(4, 11)),
        "--after 8": [9, 10],
    }


@pytest.mark.parametrize("since", ["yesterday", "99999999d", "7w", "2026-13-01"])
def test_a_moment_that_is_none_is_wrong_usage(file: Path, since: str) -> None:
    assert run(["events", "export", "--since", since]) == 2


def test_a_reader_that_has_seen_enough_ends_the_export_quietly(file: Path) -> None:
    fill(file, 5000)
    program = "import sys; from fastness.cli import run; sys.exit(run(['events', 'export']))"

    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as export:
        assert export.stdout is not None
        assert export.stderr is not None
        first = export.stdout.readline()
        export.stdout.close()
        errors = export.stderr.read()

    assert json.loads(first)["seq"] == 1
    assert (export.returncode, errors) == (0, "")


def test_purge_says_how_many_events_went_and_the_rest_verifies(
    file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file, 2500, at=time.time() - 91 * 86_400 - 2500)
    fill(file, 10)

    assert run(["db", "purge"]) == 0
    said = capfd.readouterr().out
    assert run(["events", "verify"]) == 0
    verified = capfd.readouterr().out
    monkeypatch.setenv("FASTNESS_ACCOUNTS__EVENTS__KEEP_DAYS", "365")
    assert run(["db", "purge"]) == 0

    assert "fastness_events: 2500\n" in said
    assert {line.partition(":")[0] for line in said.splitlines()} >= {
        "fastness_sessions", "fastness_codes", "fastness_challenges", "fastness_revocations", "fastness_outbox", "counters",
    }  # fmt: skip
    assert verified.startswith("10 events, 2501 to 2510: all as they were written.")


def test_purge_without_the_secret_leaves_events_and_says_so(
    file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file, 5, at=1.0)
    monkeypatch.delenv("FASTNESS_SECRET")

    assert run(["db", "purge"]) == 0

    told = capfd.readouterr()
    assert "fastness_events:" not in told.out
    assert "not purged" in told.err


def test_purge_keeps_what_does_not_follow_unless_told(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fill(file, 9, at=1.0)
    meddled(file, "DELETE FROM fastness_events WHERE seq = 5")

    assert run(["db", "purge"]) == 0
    assert run(["events", "verify"]) == 1
    assert "fastness_events: 4\n" in capfd.readouterr().out
    assert run(["db", "purge", "--broken-events"]) == 0
    assert run(["events", "verify"]) == 0


def test_what_commands_do_to_accounts_and_keys_is_stored(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["users", "create", "ada@example.com", "--role", "admin"]) == 0
    assert run(["users", "create", "bob@example.com"]) == 0
    assert run(["users", "promote", "bob@example.com"]) == 0
    assert run(["users", "disable", "bob@example.com"]) == 0
    assert run(["keys", "rotate"]) == 0
    capfd.readouterr()

    assert run(["events", "verify"]) == 0
    assert run(["events", "export"]) == 0

    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()[2:]]
    assert [line["event"] for line in lines] == [
        "user_created",
        "user_created",
        "authz_change",
        "authz_admin",
        "key_rotated",
    ]
    assert {line["details"]["by"] for line in lines} == {"command line"}
    assert "bob@" not in json.dumps(lines)
