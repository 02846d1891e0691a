"""Audit: walks the stored events from end to end, to verify their chain or to hand them out. Constant memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastness.accounts.db import Database
from fastness.accounts.ledger import FIRST, Ledger, UnknownKey, anchor, at_anchor, read_anchor
from fastness.accounts.models import Mark, StoredEvent, Work

_TOGETHER = 2_000


@dataclass(frozen=True, slots=True)
class Intact:
    """Every event is as it was written, and none is missing."""

    first: int
    last: int
    """`last` is `first` - 1 when there are none."""
    erased: int
    """Events whose content was erased, by us."""
    anchor: str
    """The end of the chain, to be kept elsewhere; empty without events."""
    anchored: bool
    """Whether the anchor that was given lies among these events."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The chain does not hold."""

    seq: int
    """The first number where it does not."""
    why: str


class _Break(Exception):
    def __init__(self, seq: int, why: str) -> None:
        super().__init__(why)
        self.broken = Broken(seq, why)


async def verify(db: Database[Work], ledger: Ledger, *, known: str | None = None) -> Intact | Broken:
    """Check the whole chain, beside running workers.

    Args:
        known: an anchor from the log or from an earlier run: it tells of a database put back to an older state.

    Raises:
        ValueError: `known` is no anchor.
        Unavailable: the database does not answer.
    """
    walk = _Walk(db, ledger, read_anchor(known) if known else None)
    try:
        return await walk.through()
    except _Break as end:
        return end.broken


class _Walk:
    """One walk along the chain: where it is, and what the row there ends in."""

    def __init__(self, db: Database[Work], ledger: Ledger, known: tuple[int, bytes] | None) -> None:
        self._db, self._ledger, self._known = db, ledger, known
        self._at, self._mac = 0, FIRST
        self._erased = 0
        self._anchored = known is None

    async def through(self) -> Intact:
        async with self._db.read() as work:
            head = await work.events.mark("head")
        if head is not None:
            self._trusted(head, "the head of the chain was changed")
        await self._to_base()
        first = self._at + 1
        while rows := await self._following():
            for row in rows:
                if row.seq != self._at + 1:
                    # A purge beside us has moved the base, or somebody took a row.
                    before = self._at
                    await self._to_base()
                    if self._at == before:
                        raise _Break(self._at + 1, "it is missing")
                    first = self._at + 1
                    break
                self._step(row)
        if self._at and head is None:
            raise _Break(self._at, "the head of the chain is missing")
        if head is not None and self._at < head.seq:
            raise _Break(self._at + 1, f"it and what follows are missing: the last was {head.seq}")
        if self._known is not None and self._known[0] > self._at:
            raise _Break(self._at + 1, f"it and what follows are missing: the anchor names {self._known[0]}")
        end = anchor(self._at, self._mac) if self._at else ""
        return Intact(first, self._at, self._erased, end, self._anchored)

    async def _following(self) -> tuple[StoredEvent, ...]:
        async with self._db.read() as work:
            return await work.events.after(self._at, most=_TOGETHER)

    async def _to_base(self) -> None:
        async with self._db.read() as work:
            base = await work.events.mark("base")
        if base is not None and base.seq > self._at:
            self._trusted(base, "the base of the chain was changed")
            self._arrive(base.seq, base.mac)

    def _step(self, row: StoredEvent) -> None:
        try:
            good = self._ledger.follows(self._mac, row)
        except UnknownKey:
            raise _Break(row.seq, "it was written with a secret that is not in FASTNESS_SECRET") from None
        if not good:
            raise _Break(row.seq, "it was changed, or is not where it was written")
        self._erased += row.content is None
        self._arrive(row.seq, row.mac)

    def _arrive(self, seq: int, mac: bytes) -> None:
        self._at, self._mac = seq, mac
        if self._known is not None and self._known[0] == seq:
            if not at_anchor(mac, self._known[1]):
                raise _Break(seq, "it is not the event that the anchor names")
            self._anchored = True

    def _trusted(self, mark: Mark, otherwise: str) -> None:
        try:
            good = self._ledger.ours(mark)
        except UnknownKey:
            raise _Break(mark.seq, "its mark was sealed with a secret that is not in FASTNESS_SECRET") from None
        if not good:
            raise _Break(mark.seq, otherwise)


async def export(db: Database[Work], *, since: float | None = None, after: int = 0) -> AsyncIterator[str]:
    """Events as JSON lines with the names of the OWASP Logging Vocabulary, the oldest first.

    Args:
        since: Unix seconds; what happened from then on.
        after: a number; what follows it.

    Raises:
        Unavailable: the database does not answer.
    """
    if since is not None:
        async with db.read() as work:
            first = await work.events.first_since(since)
        if first is None:
            return
        after = max(after, first - 1)
    while True:
        async with db.read() as work:
            rows = await work.events.after(after, most=_TOGETHER, since=since)
        for row in rows:
            yield line(row) + "\n"
        if len(rows) < _TOGETHER:
            return
        after = rows[-1].seq


def line(row: StoredEvent) -> str:
    """One event as one line of ASCII JSON, with the fields of the log."""
    told: dict[str, Any] = {
        **content_of(row),
        "seq": row.seq,
        "datetime": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds"),
        "event": row.type,
        "level": row.level,
        "mac": row.mac.hex(),
    }
    if row.who is not None:
        told["who"] = row.who
    if row.content is None:
        told["erased"] = True
    return json.dumps(told, sort_keys=True, allow_nan=False)


def content_of(row: StoredEvent) -> dict[str, Any]:
    """What an event tells beside its type; nothing when it was erased or is not ours."""
    try:
        told = json.loads(row.content or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
