"""Many requests of every kind at once: no 5xx, and when the database drops its connections, 503 and nothing worse."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import make_url

from accounts.serving import PASSWORD, Served, serving
from fresh_database import on_server

pytestmark = pytest.mark.anyio

CALLERS = 24
"""Enough to fill every pool, and few enough that none waits out its patience on a busy machine."""


async def mixed(served: Served, headers: dict[str, str], root: dict[str, str]) -> set[int]:
    """Callers, each with every kind of request: the statuses."""
    client, statuses = served.client, set[int]()

    async def caller(number: int) -> None:
        new = {"email": f"u{number % 20}@example.com", "password": PASSWORD, "name": "U"}
        known = {"email": "ada@example.com", "password": PASSWORD}
        requests = [
            lambda: client.post("/auth/register", json=new),
            lambda: client.post("/auth/login", json=known),
            lambda: client.post(
                "/auth/token", data={"grant_type": "password", "username": known["email"], "password": PASSWORD}
            ),
            lambda: client.patch("/profile", json={"name": f"Ada {number}"}, headers=headers),
            lambda: client.get("/users", params={"search": "u"}, headers=root),
            lambda: client.post("/auth/verify-email/resend", json={"email": new["email"]}),
        ]
        for turn in range(len(requests)):
            statuses.add((await requests[(number + turn) % len(requests)]()).status_code)

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    return statuses


@pytest.mark.parametrize("counters", ["memory", "database"])
async def test_many_callers_of_everything_at_once_meet_no_error(url: str, counters: str) -> None:
    async with serving(url, counters=counters, sessions_per_user=1000) as served:
        ada, root = await served.signed_in(), await served.signed_in("root@example.com", role="admin")

        assert await mixed(served, ada, root) == {200, 202}


async def test_connections_that_the_server_drops_give_503_and_the_service_recovers(url: str) -> None:
    if "postgresql" not in url:
        pytest.skip("SQLite has no connections to drop")
    async with serving(url, sessions_per_user=1000) as served:
        ada, root = await served.signed_in(), await served.signed_in("root@example.com", role="admin")
        dropped = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{make_url(url).database}'"
        load = asyncio.create_task(mixed(served, ada, root))
        while not load.done():
            await on_server(dropped)
            await asyncio.sleep(0.1)
        statuses = await load

        assert 503 in statuses
        assert statuses <= {200, 202, 503}
        assert (await served.client.get("/ready")).status_code == 200
