"""Events reach the chain outside the request: in order, gapless, redacted, and without them answers are the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest

from accounts.chained import chain_of, ledger, meddle, rows_of
from accounts.serving import PASSWORD, SECRET, Clock, Served, bearer, serving
from fastness.accounts.at_once import Unit
from fastness.accounts.audit import Broken, Intact, verify
from fastness.accounts.db import Database
from fastness.accounts.journal import Journal
from fastness.accounts.models import StoredEvent, Work
from fastness.core.errors import Unavailable
from fastness.core.events import Event, EventType, Level
from fastness.core.exchange import Exchange, current
from models_on import AccountDatabase, at_once, models_on

pytestmark = pytest.mark.anyio
T = TypeVar("T")

LOGIN = Event(EventType.AUTHN_LOGIN_SUCCESS, who="ada")
AWAY, BACK = "ALTER TABLE fastness_events RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO fastness_events"


@pytest.fixture
async def db(url: str) -> AsyncIterator[AccountDatabase]:
    async with models_on(url) as database:
        yield database


def journal(db: AccountDatabase, **how: Any) -> Journal:
    return Journal(db, how.pop("book", ledger()), **how)


async def told(db: AccountDatabase) -> list[dict[str, Any]]:
    return [{"event": row.type, "who": row.who, **json.loads(row.content or "{}")} for row in await rows_of(db)]


def asking(served_from: str = "192.0.2.7", agent: str = "Mozilla/5.0 Firefox/140") -> Exchange:
    scope = {
        "type": "http", "method": "POST", "path": "/auth/login", "client": (served_from, 5000),
        "headers": [(b"user-agent", agent.encode())],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {}

    return Exchange(scope, receive)


@contextlib.contextmanager
def answering(exchange: Exchange) -> Any:
    exchange.scope["fastness"] = exchange
    token = current.set(exchange.scope)
    yield
    current.reset(token)


async def test_what_happens_through_the_front_door_is_stored_chained_and_without_gaps(served: Served) -> None:
    tokens = await served.signed_in()
    await served.client.post("/auth/login", json={"email": "ada@example.com", "password": "wrong"})
    await served.client.get("/users", headers=tokens)

    await served.service.journal.settled()

    rows = await rows_of(served.service.db)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    kinds = [row.type for row in rows]
    for kind in (
        "sys_startup",
        "user_created",
        "authn_login_success",
        "session_created",
        "authn_login_fail",
        "authz_fail",
    ):
        assert kind in kinds
    ada = next(row for row in rows if row.type == "authn_login_success")
    assert json.loads(ada.content or "").items() >= {"route": "/auth/login", "source_ip": "192.0.2.7"}.items()
    found = await verify(served.service.db, served.service.ledger)
    assert isinstance(found, Intact)
    assert found.last == len(rows)


async def test_an_orderly_stop_loses_nothing_and_the_next_process_goes_on(url: str) -> None:
    async with serving(url) as served:
        await served.signed_in()
    async with serving(url) as again:
        await again.login()
    first, second = served.events, again.events

    async with models_on(url, tables=False) as db:
        stored = [row.type for row in await rows_of(db)]
        found = await verify(db, ledger())

    checkpoint = EventType.SYS_EVENTS_CHECKPOINT
    assert [event.type for event in first + second if event.type != checkpoint] == [
        kind for kind in stored if kind != "sys_startup"
    ]
    assert stored.count("sys_startup") == 2
    assert isinstance(found, Intact)
    # The log has the end of the chain, where whoever changes the database cannot reach it.
    assert second[-1].type is checkpoint
    assert second[-1].details["anchor"] == found.anchor


async def test_several_workers_at_once_make_one_chain_without_gaps(url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        dbs = [await stack.enter_async_context(models_on(url, tables=not i)) for i in range(4)]
        writers = [journal(db) for db in dbs]
        for writer in writers:
            await writer.start()

        async def write(i: int) -> None:
            for n in range(150):
                writers[i](Event(EventType.SESSION_RENEWED, who=f"{i}-{n}"))
                if n % 10 == 0:
                    await writers[i].settled()

        await at_once(4, write)
        for writer in writers:
            await writer.stop()

        rows = await rows_of(dbs[0])
        assert isinstance(await verify(dbs[0], ledger()), Intact)

    assert [row.seq for row in rows] == list(range(1, 601))
    for i in range(4):  # each worker's in the order in which they happened
        assert [row.who for row in rows if (row.who or "").startswith(f"{i}-")] == [f"{i}-{n}" for n in range(150)]


WRITER = """
import asyncio, sys
from accounts.chained import ledger
from fastness.accounts.journal import Journal
from fastness.core.events import Event, EventType
from models_on import models_on

async def write(url, name, count):
    async with models_on(url, tables=False) as db:
        journal = Journal(db, ledger())
        for n in range(count):
            journal(Event(EventType.SESSION_RENEWED, who=f"{name}-{n}"))
            if n % 20 == 19:
                await journal.settled()
                print(n, flush=True)

asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def test_processes_of_their_own_make_one_chain_and_one_that_is_killed_leaves_no_hole(
    db: AccountDatabase, url: str
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def begin(name: str, count: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, url, name, str(count)], env=environment, stdout=subprocess.PIPE, text=True
        )

    workers = [begin(name, 200) for name in ("a", "b")]
    victim = begin("victim", 1_000_000)
    assert victim.stdout is not None
    acknowledged = [int(await asyncio.to_thread(victim.stdout.readline)) for _ in range(5)]
    victim.kill()
    for worker in workers:
        await asyncio.to_thread(worker.communicate)
    await asyncio.to_thread(victim.communicate)

    rows = await rows_of(db)
    assert [worker.returncode for worker in workers] == [0, 0]
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert isinstance(await verify(db, ledger()), Intact)
    whose = [row.who for row in rows]
    for name, count in (("a", 200), ("b", 200), ("victim", acknowledged[-1] + 1)):
        assert [who for who in whose if (who or "").startswith(name + "-")][:count] == [
            f"{name}-{n}" for n in range(count)
        ]


async def test_answers_are_the_same_while_no_event_can_be_stored_and_all_are_stored_later(served: Served) -> None:
    await served.account()
    await served.service.journal.settled()
    db = served.service.db
    await meddle(db, AWAY)

    right = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    wrong = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": "wrong"})
    left = await served.client.post("/auth/logout", headers=bearer(right.json()))
    with pytest.raises(Exception, match="fastness_events"):
        await served.service.journal.settled()
    await meddle(db, BACK)
    await served.service.journal.settled()

    assert (right.status_code, wrong.status_code, left.status_code) == (200, 401, 204)
    kinds = [row.type for row in await rows_of(db)]
    for kind in ("authn_login_success", "authn_login_fail", "session_logout"):
        assert kinds.count(kind) == 1
    assert isinstance(await verify(db, served.service.ledger), Intact)


async def test_it_recovers_by_itself_and_tells_how_many_found_no_room(db: AccountDatabase) -> None:
    heard: asyncio.Queue[Event] = asyncio.Queue()
    writer = journal(db, emit=heard.put_nowait, queue=100, pause=0.01)
    await meddle(db, AWAY)
    await writer.start()
    for n in range(130):
        writer(Event(EventType.SESSION_RENEWED, who=f"user {n}"))

    async with asyncio.timeout(30):
        first = await heard.get()
        await meddle(db, BACK)
        second = await heard.get()
    await writer.stop()

    assert [(event.type, event.level, event.reason, dict(event.details)) for event in (first, second)] == [
        (EventType.SYS_MONITOR_DISABLED, Level.CRITICAL, "events wait to be stored", {}),
        (EventType.SYS_MONITOR_DISABLED, Level.CRITICAL, "events were lost", {"dropped": 30}),
    ]
    assert [row.who for row in await rows_of(db)] == [f"user {n}" for n in range(100)]


class Forgetful(Database[Work]):
    """A database whose connection is lost after the commit and before its answer, once."""

    forgets = 1

    async def write_at_once(self, unit: Unit[Work, T]) -> T:
        found = await super().write_at_once(unit)
        if self.forgets:
            self.forgets -= 1
            raise Unavailable("lost")
        return found


async def test_a_commit_whose_answer_was_lost_is_not_stored_twice(url: str) -> None:
    async with models_on(url) as db:
        forgetful = Forgetful(url, db._models)
        writer = journal(forgetful)
        writer(LOGIN)
        with pytest.raises(Unavailable):
            await writer.settled()
        writer(Event(EventType.SESSION_LOGOUT, who="ada"))

        await writer.settled()
        await forgetful.close()

        assert [row.type for row in await rows_of(db)] == ["authn_login_success", "session_logout"]
        assert isinstance(await verify(db, ledger()), Intact)


async def test_an_end_that_was_cut_off_is_noticed_and_never_healed(db: AccountDatabase) -> None:
    heard: list[Event] = []
    writer = journal(db, emit=heard.append)
    for _ in range(5):
        writer(LOGIN)
    await writer.settled()

    await meddle(db, "DELETE FROM fastness_events WHERE seq > 3")
    writer(LOGIN)
    await writer.settled()

    assert [event.reason for event in heard] == ["stored events were changed"]
    found = await verify(db, ledger())
    assert isinstance(found, Broken)
    assert found.seq == 4


async def test_a_head_that_somebody_else_made_is_noticed_and_never_healed(db: AccountDatabase) -> None:
    heard: list[Event] = []
    await chain_of(db, 5)
    await meddle(
        db,
        "DELETE FROM fastness_events WHERE seq > 3",
        "UPDATE fastness_event_marks SET seq = 3, mac = (SELECT mac FROM fastness_events WHERE seq = 3)",
    )

    writer = journal(db, emit=heard.append)
    writer(LOGIN)
    await writer.settled()

    assert [event.reason for event in heard] == ["stored events were changed"]
    found = await verify(db, ledger())
    assert isinstance(found, Broken)
    assert found.seq == 4


async def test_a_head_put_back_to_a_state_of_ours_is_noticed_by_the_worker_that_went_further(
    db: AccountDatabase,
) -> None:
    heard: list[Event] = []
    writer = journal(db, emit=heard.append)
    writer(LOGIN)
    await writer.settled()
    async with db.read() as work:
        earlier = await work.events.mark("head")
    assert earlier is not None
    writer(LOGIN)
    await writer.settled()

    async with db.write() as work:
        await work.events.set_mark(earlier)
    await meddle(db, "DELETE FROM fastness_events WHERE seq = 2")
    writer(LOGIN)
    await writer.settled()

    assert [event.reason for event in heard] == ["stored events were changed"]
    assert isinstance(await verify(db, ledger()), Broken)


async def test_a_new_secret_behind_the_old_one_continues_the_chain(db: AccountDatabase) -> None:
    newer = "another secret, newer than the other one: 9sVq0c7mXkP2"
    heard: list[Event] = []
    for book in (ledger(SECRET), ledger(SECRET, newer), ledger(newer, SECRET)):
        writer = journal(db, book=book, emit=heard.append)
        writer(LOGIN)
        await writer.settled()

    assert heard == []
    assert isinstance(await verify(db, ledger(SECRET, newer)), Intact)
    assert len({row.key for row in await rows_of(db)}) == 2


async def test_nothing_secret_and_no_whole_address_is_stored(db: AccountDatabase) -> None:
    writer = journal(db)
    details = {"password": "hunter2 hunter2", "about": "ada@example.com", "given": "Bearer abcdefghijklmnop", "n": 7}
    with answering(asking(agent="Mozilla token=abcdefgh\n\x1b[2J")):
        writer(Event(EventType.AUTHN_LOGIN_FAIL, reason="password=hunter2", details=details))
    await writer.settled()

    (row,) = await rows_of(db)
    assert row.content is not None
    assert row.content.isascii()
    for secret in ("hunter2", "ada@", "abcdefgh", "\\u001b"):
        assert secret not in row.content
    assert json.loads(row.content)["details"]["n"] == 7


@pytest.mark.parametrize("address", [True, False])
async def test_addresses_are_kept_unless_told_otherwise(db: AccountDatabase, address: bool) -> None:  # noqa: FBT001
    writer = journal(db, address=address)
    with answering(asking()):
        writer(LOGIN)
    await writer.settled()

    (content,) = await told(db)
    assert (content.get("source_ip"), "useragent" in content) == (("192.0.2.7", True) if address else (None, False))
    assert content["route"] == "/auth/login"


async def test_a_strangers_flood_becomes_sixty_rows_and_one_sum(db: AccountDatabase) -> None:
    clock = Clock.at_rest()
    writer = journal(db, now=clock.wall)
    with answering(asking()):
        for _ in range(500):
            writer(Event(EventType.AUTHZ_FAIL, reason="unauthenticated"))
        for n in range(100):
            writer(Event(EventType.AUTHN_LOGIN_SUCCESS, who=f"person {n}"))
        clock.ahead += 61
        writer(LOGIN)
    await writer.settled()

    rows = await told(db)
    refused = [row for row in rows if row["event"] == "authz_fail"]
    assert len(refused) == 61
    assert refused[-1]["details"] == {"held_back": 440}
    # Many people behind one address are no flood.
    assert len([row for row in rows if row["event"] == "authn_login_success"]) == 101


async def test_whatever_an_event_holds_it_is_taken_and_stored(db: AccountDatabase) -> None:
    writer = journal(db)
    odd: list[Event] = [
        Event(
            EventType.USER_UPDATED, who="\ud800 and \0", reason="\ud800\0", details={"x": float("nan"), "y": object()}
        ),
        Event(EventType.USER_UPDATED, who="é" * 1000, details={str(i): "x" * 5000 for i in range(100)}),
    ]
    for event in odd:
        writer(event)
    await writer.settled()

    assert len(await rows_of(db)) == 2
    assert isinstance(await verify(db, ledger()), Intact)


async def test_a_deleted_accounts_events_are_erased_where_that_is_asked_for_and_the_chain_holds(url: str) -> None:
    async with serving(url, events={"erase_deleted": True}, deletion_days=0) as served:
        ada, eve = await served.signed_in(), await served.signed_in("eve@example.com")
        id_ = (await served.client.get("/profile", headers=ada)).json()["id"]
        other = (await served.client.get("/profile", headers=eve)).json()["id"]
        gone = await served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=ada)
        await served.service.journal.settled()

        rows: list[StoredEvent] = list(await rows_of(served.service.db))
        found = await verify(served.service.db, served.service.ledger)

    assert gone.status_code == 204
    assert isinstance(found, Intact)
    assert found.erased >= 3
    assert id_ not in repr([(row.who, row.content) for row in rows])
    assert other in [row.who for row in rows]
    assert "user_deleted" in [row.type for row in rows]


async def test_nothing_is_stored_where_that_is_turned_off(url: str) -> None:
    async with serving(url, events={"stored": False}) as served:
        await served.signed_in()

        assert await rows_of(served.service.db) == ()


async def test_a_process_without_a_lasting_secret_begins_anew_without_alarm(db: AccountDatabase) -> None:
    heard: list[Event] = []
    for secret in ("made for one process", "made for another process"):
        writer = journal(db, book=ledger(secret), lasting=False, emit=heard.append)
        writer(LOGIN)
        await writer.settled()

    assert heard == []
    assert [row.seq for row in await rows_of(db)] == [1, 2]
