"""Experiment 33: the caller is gone at every point where a request waits. Nobody gets another one's answer, nothing stays open."""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Generator
from typing import Any

from sqlalchemy import text

from accounts.serving import PASSWORD, Served, bearer, serving
from by_hand import LOCAL, Pair, Reply, ask
from fresh_database import fresh_url
from proof.faults.experiment import Figure, Trial, at_least, none, only
from redis_server import redis_server

JSON: Pair = (b"content-type", b"application/json")
DEEP = 200
"""More points than any request waits at."""


@types.coroutine
def cancelled_at(point: int, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run `work`, and cancel its task at the `point`th time it waits."""
    given: Any = None
    waited = 0
    error: BaseException | None = None
    while True:
        try:
            asked = work.send(given) if error is None else work.throw(error)
        except StopIteration as end:
            return end.value
        waited += 1
        if waited == point:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        error = None
        try:
            given = yield asked
        except BaseException as thrown:  # noqa: BLE001 - handed on to who waits
            error = thrown


async def run(trial: Trial) -> list[Figure]:
    """Each kind of request, cancelled at its first wait, its second, and so on to its end; again and again."""
    wanted, cancels, statuses = trial.sized(short=150, full=10_000), 0, Counter[int]()
    foreign, leaked = list[str](), list[str]()
    async with _served(trial) as served:
        ada, bob = await served.signed_in("ada@example.com"), await served.signed_in("bob@example.com")
        carol = await served.signed_in("carol@example.com")
        turn, beside = asyncio.Lock(), Counter[int]()
        asking = asyncio.create_task(_asks(served, carol, turn, beside, foreign))
        round_ = 0
        while cancels < wanted:
            round_ += 1
            for name in _REQUESTS:
                tokens = await served.login("ada@example.com")
                for point in range(1, DEEP):
                    reply, gone = await _cancelled(served, name, point, tokens, f"{round_}.{point}")
                    # Right after, somebody else asks.
                    other = await ask(served.app, "GET", "/profile", headers=[LOCAL, _sent(bob)])
                    statuses[other.status] += 1
                    if other.status != 200 or other.json["email"] != "bob@example.com":
                        foreign.append(f"{name} at {point}: {other.body[:80]!r}")
                    if not gone:
                        statuses[reply.status] += 1
                        break
                    cancels += 1
            async with turn:  # what is out now is nobody's
                leaked += await _open(served)
        async with turn:
            asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        statuses[(await served.client.get("/profile", headers=ada)).status_code] += 1
        for _ in range(30):  # more than the pool has
            await served.login("ada@example.com")
    return [
        at_least("requests cancelled", cancels, wanted),
        at_least("questions of somebody else meanwhile", beside.total(), wanted // 4),
        only("answers to them", beside, {200}),
        none("answers that crossed", foreign),
        none("connections or transactions left open", leaked),
        only("answers", statuses, {200, 202, 204, 401}),
    ]


async def _asks(
    served: Served, carol: dict[str, str], turn: asyncio.Lock, statuses: Counter[int], foreign: list[str]
) -> None:
    """While others hang up, somebody reads and writes what is hers, one after the other."""
    name = "Ada"  # as everybody is called at first
    while True:
        async with turn:
            reply = await ask(served.app, "GET", "/profile", headers=[LOCAL, _sent(carol)])
            statuses[reply.status] += 1
            if reply.status != 200 or (reply.json["email"], reply.json["name"]) != ("carol@example.com", name):
                foreign.append(f"meanwhile: {reply.body[:80]!r}")
            name = f"Carol {statuses[200]}"
            body = f'{{"name": "{name}"}}'.encode()
            renamed = await ask(served.app, "PATCH", "/profile", headers=[LOCAL, JSON, _sent(carol)], body=[body])
            statuses[renamed.status] += 1
        await asyncio.sleep(0)


_REQUESTS = {
    "profile": ("GET", "/profile", None),
    "rename": ("PATCH", "/profile", '{"name": "Ada %s"}'),
    "login": ("POST", "/auth/login", '{"email": "ada@example.com", "password": "' + PASSWORD + '"}'),
    "register": ("POST", "/auth/register", '{"email": "n%s@example.com", "name": "N", "password": "' + PASSWORD + '"}'),
    "refresh": ("POST", "/auth/refresh", None),
    "logout": ("POST", "/auth/logout", "{}"),
}


@contextlib.asynccontextmanager
async def _served(trial: Trial) -> AsyncIterator[Served]:
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_url(trial.cell.database, trial.folder))
        counted: dict[str, Any] = {}
        if trial.cell.counters == "redis":
            server = stack.enter_context(redis_server(trial.folder))
            counted = {"settings": {"redis_url": server.url, "redis_timeout": 2.0}}
        yield await stack.enter_async_context(
            serving(url, unsafe_allow_unverified=True, sessions_per_user=3, **counted)
        )


async def _cancelled(served: Served, name: str, point: int, tokens: dict[str, Any], word: str) -> tuple[Reply, bool]:
    method, path, body = _REQUESTS[name]
    sent = (body or "").replace("%s", word)
    if name == "refresh":
        sent = f'{{"refresh_token": "{tokens["refresh_token"]}"}}'
    request = ask(served.app, method, path, headers=[LOCAL, JSON, _sent(bearer(tokens))], body=[sent.encode()])
    task = asyncio.create_task(_awaited(point, request))
    try:
        return await task, False
    except asyncio.CancelledError:
        return Reply(), True


async def _awaited(point: int, work: Coroutine[Any, Any, Reply]) -> Reply:
    reply: Reply = await cancelled_at(point, work)
    return reply


def _sent(headers: dict[str, str]) -> Pair:
    return b"authorization", headers["Authorization"].encode()


async def _open(served: Served) -> list[str]:
    """Connections that nobody gave back, and transactions that nobody ended, five seconds later."""
    found = await _out(served)
    # The journal and the courier take one for a moment, and give it back.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            while found:
                await asyncio.sleep(0.01)
                found = await _out(served)
    return found


async def _out(served: Served) -> list[str]:
    """What is out at this moment."""
    pool: Any = served.service.db.engine.pool
    if pool.checkedout():
        return [f"{pool.checkedout()} connections are out"]
    if served.service.db.url.get_backend_name() != "postgresql":
        return []
    async with served.service.db.transaction() as connection:
        idle = await connection.execute(
            text("SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE :idle"),
            {"idle": "idle in transaction%"},
        )
        return [str(row[0]) for row in idle]
