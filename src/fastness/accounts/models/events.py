"""Stored security events: rows that only grow, each chained to the one before, and the two marks of the chain's ends.

What the chain covers holds no personal data: a row commits to account and content by a salted digest, so that both can
be erased later and the chain still holds. Rows outlive the account that they tell of, so `who` is no foreign key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.columns import Digest, Seconds, inserts

COUNTED = 10_000
"""How far totals are exact."""

Number = BigInteger().with_variant(Integer, "sqlite")


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row. `content` is JSON; None once it was erased, and `salt` then holds the proof that we did it."""

    seq: int
    at: float
    """Unix seconds."""
    type: str
    level: str
    who: str | None
    content: str | None = field(repr=False)
    salt: bytes = field(repr=False)
    commitment: bytes = field(repr=False)
    key: str
    """Which key the chain was continued with; no secret."""
    mac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mark:
    """One end of the chain: `head` is the newest row, `base` the last one that a purge took."""

    name: Literal["head", "base"]
    seq: int
    mac: bytes = field(repr=False)
    key: str
    seal: bytes = field(repr=False)


def event_table(metadata: MetaData) -> Table:
    """The table of events. Numbers are given by the chain, not by the database, so there are no gaps."""
    return Table(
        "fastness_events",
        metadata,
        Column("seq", Number, primary_key=True, autoincrement=False),
        Column("at", Seconds, nullable=False),
        Column("type", String(64), nullable=False),
        Column("level", String(16), nullable=False),
        Column("who", String(255)),
        Column("content", Text),
        Column("salt", LargeBinary(32), nullable=False),
        Column("commitment", Digest, nullable=False),
        Column("key", String(16), nullable=False),
        Column("mac", Digest, nullable=False),
        Index("ix_fastness_events_who_seq", "who", "seq"),
        Index("ix_fastness_events_at_seq", "at", "seq"),
    )


def mark_table(metadata: MetaData) -> Table:
    """The table of the two ends."""
    return Table(
        "fastness_event_marks",
        metadata,
        Column("name", String(8), primary_key=True),
        Column("seq", Number, nullable=False),
        Column("mac", Digest, nullable=False),
        Column("key", String(16), nullable=False),
        Column("seal", Digest, nullable=False),
    )


class EventSQL:
    """The statements about events, built once."""

    def __init__(self, table: Table, marks: Table) -> None:
        t, m = table.c, marks.c
        self.mark = select(m.name, m.seq, m.mac, m.key, m.seal).where(m.name == bindparam("given"))
        self.hold = self.mark.with_for_update()
        upserts = {name: (statement, statement.excluded) for name, statement in inserts(marks).items()}
        self.set_mark = {
            name: statement.on_conflict_do_update(
                index_elements=["name"], set_={column: new[column] for column in ("seq", "mac", "key", "seal")}
            )
            for name, (statement, new) in upserts.items()
        }
        self.first_mark = {name: statement.on_conflict_do_nothing() for name, statement in inserts(marks).items()}
        self.newest = select(func.max(t.seq))
        self.mac = select(t.mac).where(t.seq == bindparam("given"))
        self.add = insert(table)
        rows = select(*table.columns)
        self.after = rows.where(t.seq > bindparam("seq_after")).order_by(t.seq).limit(bindparam("most"))
        self.since = (
            rows.where(t.seq > bindparam("seq_after"), t.at >= bindparam("since"))
            .order_by(t.seq)
            .limit(bindparam("most"))
        )
        self.first_since = select(func.min(t.seq)).where(t.at >= bindparam("since"))
        newest_first = rows.where(t.seq < bindparam("seq_before")).order_by(t.seq.desc()).limit(bindparam("most"))
        own, some = t.who == bindparam("whose"), t.type.in_(bindparam("types", expanding=True))
        self.page = {
            "all": newest_first,
            "who": newest_first.where(own),
            "own": newest_first.where(own, some),
        }
        seqs = select(t.seq).limit(bindparam("counted"))
        self.count = {
            kind: select(func.count()).select_from(query.subquery())
            for kind, query in (("all", seqs), ("who", seqs.where(own)), ("own", seqs.where(own, some)))
        }
        self.delete = delete(table).where(t.seq <= bindparam("seq_to"))
        self.to_erase = (
            select(t.seq, t.commitment, t.key)
            .where(own, t.content.is_not(None))
            .order_by(t.seq)
            .limit(bindparam("most"))
        )
        self.erase = (
            update(table).where(t.seq == bindparam("row")).values(who=None, content=None, salt=bindparam("proof"))
        )


@dataclass(frozen=True, slots=True)
class Events:
    """Queries about stored events, bound to one connection."""

    connection: AsyncConnection
    sql: EventSQL

    async def mark(self, name: Literal["head", "base"]) -> Mark | None:
        """One end of the chain."""
        row = (await self.connection.execute(self.sql.mark, {"given": name})).first()
        return None if row is None else Mark(name, row[1], bytes(row[2]), row[3], bytes(row[4]))

    async def hold(self, first: Mark) -> Mark:
        """The head, for this transaction alone until its end: writers wait here for each other.

        `first` is the head of a chain that has no event yet.
        """
        one = {"given": "head"}
        row = (await self.connection.execute(self.sql.hold, one)).first()
        if row is None:
            # Two first writers: the second waits for the first one's row and changes nothing.
            await self.connection.execute(self.sql.first_mark[self.connection.dialect.name], asdict(first))
            row = (await self.connection.execute(self.sql.hold, one)).one()
        return Mark("head", row[1], bytes(row[2]), row[3], bytes(row[4]))

    async def newest(self) -> int:
        """The number of the newest row, 0 without any."""
        return int((await self.connection.execute(self.sql.newest)).scalar_one() or 0)

    async def mac(self, seq: int) -> bytes | None:
        """What the row `seq` ends in."""
        found = (await self.connection.execute(self.sql.mac, {"given": seq})).scalar_one_or_none()
        return None if found is None else bytes(found)

    async def add(self, rows: Sequence[StoredEvent]) -> None:
        """Append rows that the chain has made. Hold the head first."""
        await self.connection.execute(self.sql.add, [asdict(row) for row in rows])

    async def set_mark(self, mark: Mark) -> None:
        """Move one end."""
        await self.connection.execute(self.sql.set_mark[self.connection.dialect.name], asdict(mark))

    async def after(self, seq: int, *, most: int, since: float | None = None) -> tuple[StoredEvent, ...]:
        """Rows behind `seq`, the oldest first; with `since`, those that happened from then on."""
        given: dict[str, Any] = {"seq_after": seq, "most": most}
        if since is None:
            return _rows(await self.connection.execute(self.sql.after, given))
        return _rows(await self.connection.execute(self.sql.since, {**given, "since": since}))

    async def first_since(self, at: float) -> int | None:
        """The lowest number of what happened from `at` on."""
        found: int | None = (await self.connection.execute(self.sql.first_since, {"since": at})).scalar_one()
        return found

    async def page(
        self, *, before: int, most: int, who: str | None = None, types: Sequence[str] = ()
    ) -> tuple[StoredEvent, ...]:
        """Rows below `before`, the newest first; of one account alone, and of these types alone, where given."""
        given = {"seq_before": before, "most": most}
        kind, more = _kind(who, types)
        return _rows(await self.connection.execute(self.sql.page[kind], {**given, **more}))

    async def count(self, *, who: str | None = None, types: Sequence[str] = ()) -> int | None:
        """How many there are, exact up to 10,000, else None."""
        kind, more = _kind(who, types)
        found = (await self.connection.execute(self.sql.count[kind], {"counted": COUNTED + 1, **more})).scalar_one()
        return int(found) if found <= COUNTED else None

    async def delete(self, to: int) -> int:
        """Delete every row up to number `to`; how many went."""
        return (await self.connection.execute(self.sql.delete, {"seq_to": to})).rowcount

    async def to_erase(self, who: str, *, most: int) -> list[tuple[int, bytes, str]]:
        """Number, commitment and key of rows about this account that still say something."""
        rows = await self.connection.execute(self.sql.to_erase, {"whose": who, "most": most})
        return [(row[0], bytes(row[1]), row[2]) for row in rows]

    async def erase(self, proofs: Sequence[tuple[int, bytes]]) -> None:
        """Take account and content out of rows, leaving (number, proof)."""
        await self.connection.execute(self.sql.erase, [{"row": seq, "proof": proof} for seq, proof in proofs])


def _rows(found: Any) -> tuple[StoredEvent, ...]:
    return tuple(
        StoredEvent(seq, at, kind, level, who, content, bytes(salt), bytes(committed), key, bytes(mac))
        for seq, at, kind, level, who, content, salt, committed, key, mac in found
    )


def _kind(who: str | None, types: Sequence[str]) -> tuple[str, dict[str, Any]]:
    if who is None:
        return "all", {}
    return ("own", {"whose": who, "types": list(types)}) if types else ("who", {"whose": who})
