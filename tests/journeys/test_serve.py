"""`fastness serve` as an operator runs it: several workers, one count; unsafe settings end with 78."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fastness.controls.secrets import generate
from journeys.servers import clean, free_port, running
from redis_server import redis_server

pytestmark = pytest.mark.anyio


def environment(folder: Path, **changes: str) -> dict[str, str]:
    return {
        "FASTNESS_ENVIRONMENT": "development",
        "FASTNESS_SECRET": generate(),
        "FASTNESS_DATABASE_URL": f"sqlite:///{folder}/accounts.db",
        **changes,
    }


async def sign_ins(url: str, times: int) -> list[int]:
    async def one() -> int:
        # A connection each, so that the kernel spreads them over the workers.
        async with httpx2.AsyncClient(base_url=url) as http:
            wrong: Any = {"email": "ada@example.com", "password": "not the right one"}
            return (await http.post("/auth/login", json=wrong)).status_code

    return list(await asyncio.gather(*(one() for _ in range(times))))


@pytest.mark.workers
async def test_two_workers_share_one_count_of_sign_ins(tmp_path: Path) -> None:
    settings = environment(tmp_path, FASTNESS_ACCOUNTS__COUNTERS="database")
    command = ["fastness", "serve", "--port", str(free_port()), "--workers", "2"]
    with running(command, tmp_path, environment=settings) as server:
        statuses = await sign_ins(server.answers(r"(http://127\.0\.0\.1:\d+)"), 16)

    assert sorted(statuses) == [401] * 5 + [429] * 11


def run(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("fastness"), *arguments],
        cwd=folder,
        env=clean(environment(folder, **changes)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_several_workers_that_count_apart_are_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", "--workers", "2")

    assert done.returncode == 78
    assert "FASTNESS_ACCOUNTS__COUNTERS=database" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_missing_tables_end_with_78_and_the_command_that_makes_them(tmp_path: Path, workers: str) -> None:
    changes = {"FASTNESS_ACCOUNTS__COUNTERS": "database", "FASTNESS_ACCOUNTS__CREATE_TABLES": "false"}

    done = run(tmp_path, "serve", "--port", "0", "--workers", workers, **changes)

    assert done.returncode == 78
    assert "fastness db upgrade" in done.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"FASTNESS_SECRET": "changethis"}, "FASTNESS_SECRET"),
        ({"FASTNESS_ENVIRONMENT": "production"}, "FASTNESS_PUBLIC_URL"),
        ({"REDIS_URL": "http://:canary@127.0.0.1:6379"}, "FASTNESS_REDIS_URL"),
        ({"FASTNESS_ACCOUNTS__COUNTERS": "redis"}, "FASTNESS_REDIS_URL"),
        ({"FASTNESS_LIMITS__PER_ADRESS": "5/minute"}, "FASTNESS_LIMITS__PER_ADDRESS"),
    ],
)
def test_unsafe_settings_end_with_78_and_show_no_value(tmp_path: Path, changes: dict[str, str], named: str) -> None:
    done = run(tmp_path, "serve", **changes)

    assert done.returncode == 78
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert changes.get("FASTNESS_SECRET", "\0") not in done.stderr
    assert "canary" not in done.stderr


def test_the_doctor_says_what_is_on_and_that_tables_are_missing(tmp_path: Path) -> None:
    before = run(tmp_path, "doctor")
    upgraded = run(tmp_path, "db", "upgrade")
    after = run(tmp_path, "doctor")

    assert (before.returncode, upgraded.returncode, after.returncode) == (1, 0, 0)
    assert "on: security_events" in after.stdout


@pytest.mark.store
def test_the_doctor_says_whether_redis_counts(tmp_path: Path) -> None:
    run(tmp_path, "db", "upgrade")
    with redis_server(tmp_path) as server:
        well = run(tmp_path, "doctor", REDIS_URL=server.url)
        wrong = run(tmp_path, "doctor", REDIS_URL=server.url.replace("//", "//:canary@"))
        server.stop()
        away = run(tmp_path, "doctor", REDIS_URL=server.url)

    assert (well.returncode, wrong.returncode, away.returncode) == (0, 1, 1)
    assert "redis: answers" in well.stdout
    assert "redis: does not count (ERR)" in wrong.stdout + wrong.stderr
    assert "redis: does not count (ConnectionRefusedError)" in away.stdout
    assert "canary" not in wrong.stdout + wrong.stderr


def test_a_misspelt_command_names_the_one_that_was_meant(tmp_path: Path) -> None:
    done = run(tmp_path, "demmo")

    assert done.returncode == 2
    assert "demo" in done.stderr


def test_a_secret_is_strong_and_new_each_time(tmp_path: Path) -> None:
    from fastness.controls.secrets import weak_secret

    first, second = (run(tmp_path, "secret").stdout.strip() for _ in range(2))

    assert first != second
    assert weak_secret(first, where="here") is None
