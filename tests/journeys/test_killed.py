"""A server killed in the middle of its work: what it acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fastness.controls.secrets import generate
from journeys.servers import Server, free_port, running

pytestmark = pytest.mark.anyio

PASSWORD = "violet teapot under the stairs"
URL = r"(http://127\.0\.0\.1:\d+)"


@contextlib.contextmanager
def serving(folder: Path, settings: dict[str, str], name: str) -> Iterator[tuple[Server, str]]:
    """`fastness serve` on the database of this folder, and its URL."""
    with running(["fastness", "serve", "--port", str(free_port())], folder / name, environment=settings) as server:
        yield server, server.answers(URL)


def registration(address: str) -> dict[str, str]:
    return {"email": address, "password": PASSWORD, "name": "Ada"}


async def register_until_killed(server: Server, url: str, addresses: list[str]) -> tuple[dict[str, str], set[int]]:
    """Register at once, kill the server after a third of the answers: the flows acknowledged, and every status."""
    acknowledged: dict[str, str] = {}
    statuses: set[int] = set()
    async with httpx2.AsyncClient(base_url=url, timeout=30) as http:

        async def one(address: str) -> None:
            with contextlib.suppress(httpx2.TransportError):
                answer = await http.post("/auth/register", json=registration(address))
                statuses.add(answer.status_code)
                if answer.status_code == 202:
                    acknowledged[address] = answer.json()["flow"]
                if len(acknowledged) == len(addresses) // 3:
                    os.killpg(server.process.pid, signal.SIGKILL)

        await asyncio.gather(*(one(address) for address in addresses))
    assert statuses == {202}, server.err[-2000:]
    server.process.wait(10)
    return acknowledged, statuses


def codes(outbox: Path) -> dict[str, list[str]]:
    """The codes that were mailed, by address, in no order; notices have none."""
    found: dict[str, list[str]] = {}
    for file in outbox.glob("*.eml"):
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        body = mail.get_body(("plain",))
        # Half a mail ends before the boundary of its last part.
        assert body is not None, "a mail was written by half"
        assert not mail.defects, "a mail was written by half"
        code = re.search(r"^Your code: ([0-9]{8})\r?$", body.get_content(), re.MULTILINE)
        if code is not None:
            found.setdefault(str(mail["To"]), []).append(code[1])
    return found


async def proved(http: httpx2.AsyncClient, flow: str, mailed: list[str]) -> int:
    """The status of the first of the mailed codes that works in this flow, else of the last."""
    status = 0
    for code in mailed:
        status = (await http.post("/auth/verify-email", json={"code": code, "flow": flow})).status_code
        if status == 200:
            break
    return status


async def mailed_now(outbox: Path, address: str) -> list[str]:
    async with asyncio.timeout(60):
        while not (found := codes(outbox).get(address)):  # noqa: ASYNC110 - another process writes the mail
            await asyncio.sleep(0.02)
    return found


def rows(file: Path, query: str) -> Any:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


async def test_every_acknowledged_registration_survives_a_killed_server_and_signs_in(tmp_path: Path) -> None:
    outbox, database = tmp_path / "outbox", tmp_path / "accounts.db"
    settings = {
        "FASTNESS_ENVIRONMENT": "development",
        "FASTNESS_SECRET": generate(),
        "FASTNESS_DATABASE_URL": f"sqlite:///{database}",
        "FASTNESS_MAIL__BACKEND": "file",
        "FASTNESS_MAIL__FOLDER": str(outbox),
        "FASTNESS_LIMITS__PER_ADDRESS": "",
        "FASTNESS_ACCOUNTS__THROTTLE__REGISTER_ADDRESS": "10000/minute",
        "FASTNESS_ACCOUNTS__THROTTLE__CODE_ADDRESS": "10000/minute",
        "FASTNESS_ACCOUNTS__THROTTLE__ADDRESS": "10000/minute",
    }
    acknowledged: dict[str, str] = {}
    statuses: set[int] = set()

    for round_ in range(3):
        addresses = [f"ada{round_}-{n}@example.com" for n in range(24)]
        with serving(tmp_path, settings, f"killed-{round_}") as (server, url):
            more, seen = await register_until_killed(server, url, addresses)
        assert len(more) >= len(addresses) // 3
        acknowledged |= more
        statuses |= seen
    integrity = rows(database, "PRAGMA integrity_check")
    stored = {row[0] for row in rows(database, "SELECT email FROM users WHERE password_hash LIKE '$argon2id$%'")}
    half = rows(
        database,
        "SELECT email FROM users WHERE password_hash IS NULL "
        "OR NOT EXISTS (SELECT 1 FROM fastness_codes WHERE user_id = users.id)",
    )

    assert integrity == [("ok",)]
    assert statuses == {202}
    assert set(acknowledged) <= stored
    assert half == []
    with serving(tmp_path, settings, "after") as (_, url):
        async with httpx2.AsyncClient(base_url=url, timeout=30) as http:
            for address, flow in acknowledged.items():
                # What the server did not get to send before it was killed, the next one sends.
                assert await proved(http, flow, await mailed_now(outbox, address)) == 200
                login = await http.post("/auth/login", json={"email": address, "password": PASSWORD})
                assert login.status_code == 200
