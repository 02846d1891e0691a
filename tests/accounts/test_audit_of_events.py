"""Whoever has the database and not the secret changes, removes or moves no stored event unseen."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from accounts.chained import START, chain_of, ledger, meddle, rows_of
from accounts.serving import SECRET
from fastness.accounts.audit import Broken, Intact, export, verify
from fastness.accounts.ledger import Entry, anchor
from fastness.accounts.purge import purge
from fresh_database import fresh_url
from models_on import AccountDatabase, models_on

pytestmark = pytest.mark.anyio

MANY = 100_000
NEWER = "another secret, newer than the other one: 9sVq0c7mXkP2"
SWAP = (
    "UPDATE fastness_events SET seq = -1 WHERE seq = :a",
    "UPDATE fastness_events SET seq = :a WHERE seq = :b",
    "UPDATE fastness_events SET seq = :b WHERE seq = -1",
)
SWAP_CONTENT = (
    (
        "UPDATE fastness_events SET content = (SELECT content FROM fastness_events WHERE seq = :b), "
        "salt = (SELECT salt FROM fastness_events WHERE seq = :b) WHERE seq = :a"
    ),
)
CUT = "DELETE FROM fastness_events WHERE seq > :a"


@pytest.fixture
async def db(url: str) -> AsyncIterator[AccountDatabase]:
    async with models_on(url) as database:
        yield database


@pytest.fixture(scope="module")
def long_chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with 10^5 events."""
    folder = tmp_path_factory.mktemp("chain")

    async def make() -> Path:
        async with fresh_url("sqlite", folder) as url, models_on(url) as made:
            await chain_of(made, MANY)
            await made.close()  # the last connection moves the log into the file
            return folder / f"{url.rpartition('/')[2]}"

    return asyncio.run(make())


@pytest.fixture
async def many(long_chain: Path, tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    """The same, to be meddled with."""
    shutil.copy(long_chain, tmp_path / "events.db")
    async with models_on(f"sqlite:///{tmp_path}/events.db", tables=False) as database:
        yield database


async def test_a_chain_of_100_000_events_is_intact_until_somebody_touches_it(many: AccountDatabase) -> None:
    found = await verify(many, ledger())

    last = (await rows_of(many))[-1]
    assert found == Intact(1, MANY, 0, anchor(MANY, last.mac), anchored=True)


@pytest.mark.parametrize(
    ("statements", "first"),
    [
        (("UPDATE fastness_events SET who = 'mallory' WHERE seq = :a",), 70_001),
        (("DELETE FROM fastness_events WHERE seq = :a",), 70_001),
        (SWAP, 70_001),
        (SWAP_CONTENT, 70_001),
        ((CUT,), 70_002),
    ],
    ids=["altered", "removed", "swapped", "content of another", "cut off"],
)
async def test_one_touched_row_among_100_000_is_named(
    many: AccountDatabase, statements: tuple[str, ...], first: int
) -> None:
    await meddle(many, *statements, a=70_001, b=70_002)

    found = await verify(many, ledger())

    assert isinstance(found, Broken)
    assert found.seq == first


@pytest.mark.parametrize(
    "change",
    [
        "at = at + 1", "type = 'authn_login_fail'", "level = 'WARN'", "who = NULL", "content = '{}'", "salt = mac",
        "commitment = mac", "mac = commitment", "key = 'somebody'", "who = NULL, content = NULL",
        "who = NULL, content = NULL, salt = mac",
    ],
)  # fmt: skip
async def test_every_column_is_covered_and_nobody_else_erases(db: AccountDatabase, change: str) -> None:
    await chain_of(db, 9)

    await meddle(db, f"UPDATE fastness_events SET {change} WHERE seq = 5")

    found = await verify(db, ledger())
    assert isinstance(found, Broken)
    assert found.seq == 5


async def test_the_end_cannot_be_cut_off_by_moving_the_head_along(db: AccountDatabase) -> None:
    await chain_of(db, 9)
    await meddle(db, "DELETE FROM fastness_events WHERE seq > 5")

    await meddle(
        db,
        "UPDATE fastness_event_marks SET seq = 5, mac = (SELECT mac FROM fastness_events WHERE seq = 5) "
        "WHERE name = 'head'",
    )
    moved = await verify(db, ledger())
    await meddle(db, "DELETE FROM fastness_event_marks")
    without = await verify(db, ledger())

    assert moved == Broken(5, "the head of the chain was changed")
    assert without == Broken(5, "the head of the chain is missing")


async def test_the_beginning_cannot_be_taken_by_making_a_base(db: AccountDatabase) -> None:
    await chain_of(db, 9)
    await meddle(db, "DELETE FROM fastness_events WHERE seq <= 3")
    bare = await verify(db, ledger())

    await meddle(
        db,
        "INSERT INTO fastness_event_marks SELECT 'base', seq - 1, mac, key, seal FROM fastness_event_marks "
        "WHERE name = 'head'",
        "UPDATE fastness_event_marks SET seq = 3 WHERE name = 'base'",
    )
    forged = await verify(db, ledger())

    assert bare == Broken(1, "it is missing")
    assert forged == Broken(3, "the base of the chain was changed")


async def test_only_an_anchor_tells_of_a_database_put_back_to_yesterday(db: AccountDatabase) -> None:
    await chain_of(db, 5)
    async with db.read() as work:
        yesterday = await work.events.mark("head")
    assert yesterday is not None
    await chain_of(db, 4)
    now = await verify(db, ledger())
    assert isinstance(now, Intact)

    async with db.write() as work:
        await work.events.set_mark(yesterday)
    await meddle(db, "DELETE FROM fastness_events WHERE seq > 5")

    assert isinstance(await verify(db, ledger()), Intact)
    assert await verify(db, ledger(), known=now.anchor) == Broken(
        6, "it and what follows are missing: the anchor names 9"
    )
    await chain_of(db, 6)
    rewritten = await verify(db, ledger(), known=now.anchor)
    assert rewritten == Broken(9, "it is not the event that the anchor names")


async def test_a_genuine_event_of_another_history_does_not_fit(db: AccountDatabase) -> None:
    await chain_of(db, 5)
    async with db.read() as work:
        head = await work.events.mark("head")
    assert head is not None
    await chain_of(db, 4, at=START + 100)
    eighth = (await rows_of(db))[7]
    async with db.write() as work:  # put back, and gone on from there
        await work.events.set_mark(head)
    await meddle(db, "DELETE FROM fastness_events WHERE seq > 5")
    await chain_of(db, 4, at=START + 200)
    assert isinstance(await verify(db, ledger()), Intact)

    await meddle(db, "DELETE FROM fastness_events WHERE seq = 8")
    async with db.write() as work:
        await work.events.add([eighth])

    assert await verify(db, ledger()) == Broken(8, "it was changed, or is not where it was written")


async def test_an_anchor_within_the_chain_is_found_and_a_purged_one_is_not_missed(db: AccountDatabase) -> None:
    await chain_of(db, 5)
    early = await verify(db, ledger())
    await chain_of(db, 4, at=START + 1000)
    assert isinstance(early, Intact)

    within = await verify(db, ledger(), known=early.anchor)
    await purge(db, now=START + 1002, ledger=ledger(), keep=0)
    purged = await verify(db, ledger(), known=early.anchor)

    assert isinstance(within, Intact)
    assert isinstance(purged, Intact)
    assert (within.anchored, purged.anchored, purged.first) == (True, False, 9)


async def test_older_secrets_verify_and_unknown_ones_do_not(db: AccountDatabase) -> None:
    await chain_of(db, 5, ledger(SECRET))
    await chain_of(db, 5, ledger(SECRET, NEWER))

    both = await verify(db, ledger(SECRET, NEWER))
    forgotten = await verify(db, ledger(NEWER))
    foreign = await verify(db, ledger("a secret that nobody here has ever had"))

    assert isinstance(both, Intact)
    assert forgotten == Broken(1, "it was written with a secret that is not in FASTNESS_SECRET")
    assert isinstance(foreign, Broken)


async def test_a_chain_that_goes_on_and_is_purged_meanwhile_verifies_all_the_time(url: str) -> None:
    book, found = ledger(), list[Intact | Broken]()
    async with models_on(url) as db, models_on(url, tables=False) as other:
        await chain_of(db, 4500)

        async def write() -> None:
            for n in range(10):
                await chain_of(db, 50, at=START + 10_000 + n)

        async def clear() -> None:
            for n in range(10):
                await purge(other, now=START + n * 400, ledger=book, keep=0)

        work = [asyncio.create_task(write()), asyncio.create_task(clear())]
        while not all(task.done() for task in work):
            found.append(await verify(db, book))
        await asyncio.gather(*work)
        found.append(await verify(db, book))

    assert [one for one in found if isinstance(one, Broken)] == []
    end = found[-1]
    assert isinstance(end, Intact)
    assert (end.first, end.last) == (3602, 5000)


async def test_nothing_stored_is_nothing_wrong(db: AccountDatabase) -> None:
    assert await verify(db, ledger()) == Intact(1, 0, 0, "", anchored=True)
    assert await verify(db, ledger(), known=anchor(3, bytes(32))) == Broken(
        1, "it and what follows are missing: the anchor names 3"
    )


async def test_export_gives_each_event_once_in_order_from_a_moment_or_a_number_on(db: AccountDatabase) -> None:
    await chain_of(db, 5000)

    every = [json.loads(line) async for line in export(db)]
    since = [json.loads(line)["seq"] async for line in export(db, since=START + 4990)]
    after = [json.loads(line)["seq"] async for line in export(db, after=4997)]
    later = [line async for line in export(db, since=START + 5000)]

    assert [line["seq"] for line in every] == list(range(1, 5001))
    assert since == list(range(4991, 5001))
    assert after == [4998, 4999, 5000]
    assert later == []
    assert every[0].items() >= {
        "datetime": "2023-11-14T22:13:20.000+00:00", "event": "authn_login_success", "level": "INFO", "who": "ada",
        "source_ip": "192.0.2.0",
    }.items()  # fmt: skip


async def test_no_two_entries_have_the_same_bytes_in_the_chain(db: AccountDatabase) -> None:
    book = ledger()
    one = Entry(1.0, "ab", "c", "d", "{}")
    entries = [
        one,
        Entry(1.0, "a", "bc", "d", "{}"),
        Entry(1.0, "ab", "c", None, "{}"),
        Entry(1.0, "ab", "c", "", "{}"),
    ]

    rows = [book.append(book.first(), [entry], broken=False)[0] for entry in entries]

    assert all(book.follows(bytes(32), row) for row in rows)
    assert len({row.mac for row in rows}) == len(rows)
