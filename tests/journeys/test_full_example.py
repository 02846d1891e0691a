"""`examples/full`: accounts in an application that has a table of its own. Few lines, typed, and no migration left over.

When our tables change, write the revision of the example on PostgreSQL again:
`DATABASE_URL=postgresql+asyncpg://... alembic -c examples/full/alembic.ini revision --autogenerate -m "what changed"`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fresh_database import fresh_url

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "full"
BIN = Path(sys.executable).parent
OURS = re.compile(r"fastness|accounts|AccountMixin|\bMe\b|\bMine\b|\bAdmin\b")

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> str:
    """What a command said; it must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FASTNESS_")}
    done = subprocess.run(
        command, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.store)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with fresh_url(request.param, tmp_path) as fresh:
        yield fresh


def alembic(url: str, *words: str) -> str:
    return run(BIN / "alembic", "-c", EXAMPLE / "alembic.ini", *words, DATABASE_URL=url)


async def test_autogenerate_finds_nothing_after_upgrade(url: str) -> None:
    alembic(url, "upgrade", "head")

    assert "No new upgrade operations detected" in alembic(url, "check")


STORY = """
import asyncio, json, sys
from examples.full.app import accounts, app
from examples.full.database import engine
import httpx2
sys.path.insert(0, "tests")
from accounts.serving import PASSWORD, digits, running

async def main():
    async with running(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="https://localhost") as client:
            ada = {"email": "ada@example.com", "password": PASSWORD}
            flow = (await client.post("/accounts/auth/register", json={**ada, "name": "Ada"})).json()["flow"]
            await accounts.settled()
            code = digits(accounts.service.mail.mailer.outbox[-1])
            await client.post("/accounts/auth/verify-email", json={"code": code, "flow": flow})
            await accounts.settled()
            token = (await client.post("/accounts/auth/login", json=ada)).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            await client.put("/me/motto", json={"motto": "Onward"})
            await client.post("/notes", json={"text": "Buy milk"})
            answers = [await client.get(path) for path in ("/me", "/notes", "/statistics", "/accounts/profile")]
            print(json.dumps([[answer.status_code, answer.json()] for answer in answers]))
    await engine.dispose()

asyncio.run(main())
"""


async def test_people_register_sign_in_and_write_notes(url: str) -> None:
    alembic(url, "upgrade", "head")

    said = run(
        sys.executable,
        "-c",
        STORY,
        DATABASE_URL=url,
        FASTNESS_ENVIRONMENT="development",
        FASTNESS_MAIL__BACKEND="memory",
    )

    (line,) = [line for line in said.splitlines() if line.startswith("[[")]
    me, notes, statistics, profile = json.loads(line)
    assert me == [200, {"id": 1, "name": "Ada", "motto": "Onward"}]
    assert notes == [200, ["Welcome, Ada", "Buy milk"]]
    assert statistics[0] == 403
    assert (profile[0], profile[1]["id"], profile[1]["verified"]) == (200, "1", True)


def test_the_integration_is_under_thirty_lines() -> None:
    lines = {
        file.name: [
            line
            for line in file.read_text().partition("from __future__")[2].splitlines()
            if line.strip() and not line.lstrip().startswith("#") and (file.stem == "accounts" or OURS.search(line))
        ]
        for file in [*EXAMPLE.glob("*.py"), EXAMPLE / "migrations" / "env.py"]
    }

    assert lines["accounts.py"]
    assert sum(len(found) for found in lines.values()) < 30, lines
