"""The ledger: how stored events are chained, so that whoever holds the database and not the secret changes none unseen.

Each row ends in an HMAC-SHA-256 over its number, time, type, level, a commitment to its content, and the end of the row
before it. The key is derived from the application's secret for this purpose alone (RFC 5869). An altered, removed or
moved row breaks the chain there; the sealed head tells of a tail that was cut off, and an anchor kept elsewhere, such as
in the log, tells even when the whole database was put back to an older state. ASVS 5.0 16.4.2.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastness.accounts.models import Mark, StoredEvent
from fastness.core.keys import KeyRing

PURPOSE = "accounts.events"
FIRST = bytes(32)
"""What the first row follows."""
_ANCHOR = 16
"""Bytes of a row's end that an anchor tells: 128 bits, and short enough for a log that masks what looks like a secret."""


class UnknownKey(Exception):
    """Made with a secret that is no longer in the ring."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event before it has its place. `content` is JSON; `at` in Unix seconds."""

    at: float
    type: str
    level: str
    who: str | None
    content: str


class Ledger:
    """Continues and checks the chain. The current secret continues it, every secret in the ring checks it."""

    def __init__(self, ring: KeyRing) -> None:
        keys = ring.every(PURPOSE)
        self._keys = {_key_id(key): key for key in reversed(keys)}
        self._current = _key_id(keys[0])

    def first(self) -> Mark:
        """The head of a chain without events."""
        return self.mark("head", 0, FIRST)

    def append(self, head: Mark, entries: Sequence[Entry], *, broken: bool) -> list[StoredEvent]:
        """The rows of `entries` behind `head`.

        Behind a head that is not as it should be (`broken`) the chain begins anew and does not join: what was done
        stays visible for as long as these rows are kept.
        """
        seq, previous = head.seq, os.urandom(32) if broken else head.mac
        rows: list[StoredEvent] = []
        for entry in entries:
            seq, salt = seq + 1, os.urandom(32)
            committed = commitment(salt, entry.who, entry.content)
            previous = self._link(self._current, previous, (seq, entry.at, entry.type, entry.level), committed)
            rows.append(
                StoredEvent(
                    seq=seq,
                    at=entry.at,
                    type=entry.type,
                    level=entry.level,
                    who=entry.who,
                    content=entry.content,
                    salt=salt,
                    commitment=committed,
                    key=self._current,
                    mac=previous,
                )
            )
        return rows

    def mark(self, name: Literal["head", "base"], seq: int, mac: bytes) -> Mark:
        """One end of the chain, sealed."""
        return Mark(name, seq, mac, self._current, self._seal(self._current, name, seq, mac))

    def ours(self, mark: Mark) -> bool:
        """Whether we set this mark.

        Raises:
            UnknownKey: no secret in the ring did.
        """
        return hmac.compare_digest(mark.seal, self._seal(mark.key, mark.name, mark.seq, mark.mac))

    def follows(self, previous: bytes, row: StoredEvent) -> bool:
        """Whether `row` is as it was written, behind the row that ends in `previous`.

        Raises:
            UnknownKey: no secret in the ring wrote it.
        """
        expected = self._link(row.key, previous, (row.seq, row.at, row.type, row.level), row.commitment)
        if not hmac.compare_digest(row.mac, expected):
            return False
        if row.content is None:
            return row.who is None and hmac.compare_digest(row.salt, self.erased(row.seq, row.commitment, row.key))
        return hmac.compare_digest(row.commitment, commitment(row.salt, row.who, row.content))

    def erased(self, seq: int, committed: bytes, key: str) -> bytes:
        """The proof that it was us who erased the content of this row.

        Raises:
            UnknownKey: no secret in the ring wrote it.
        """
        return hmac.digest(self._key(key), _framed(b"erased", _number(seq), committed), hashlib.sha256)

    def _link(self, key: str, previous: bytes, head: tuple[int, float, str, str], committed: bytes) -> bytes:
        seq, at, kind, level = head
        told = _framed(
            b"event", _number(seq), struct.pack(">d", at), kind.encode(), level.encode(), committed, previous
        )
        return hmac.digest(self._key(key), told, hashlib.sha256)

    def _seal(self, key: str, name: str, seq: int, mac: bytes) -> bytes:
        return hmac.digest(self._key(key), _framed(b"mark", name.encode(), _number(seq), mac), hashlib.sha256)

    def _key(self, key: str) -> bytes:
        found = self._keys.get(key)
        if found is None:
            raise UnknownKey
        return found

    def __repr__(self) -> str:
        return f"Ledger({len(self._keys)} keys)"


def commitment(salt: bytes, who: str | None, content: str) -> bytes:
    """What the chain holds of account and content: nothing that could be found again once the salt is gone."""
    return hmac.digest(salt, _framed(b"" if who is None else b"who:" + who.encode(), content.encode()), hashlib.sha256)


def anchor(seq: int, mac: bytes) -> str:
    """A place in the chain as text, to be kept where the database's administrator cannot write."""
    return f"{seq}:{mac[:_ANCHOR].hex()}"


def read_anchor(text: str) -> tuple[int, bytes]:
    """What `anchor` wrote.

    Raises:
        ValueError: it did not.
    """
    number, _, told = text.strip().partition(":")
    mac = bytes.fromhex(told)
    if not (number.isascii() and number.isdigit()) or len(mac) != _ANCHOR:
        raise ValueError("not an anchor")
    return int(number), mac


def at_anchor(mac: bytes, told: bytes) -> bool:
    """Whether a row's end is what an anchor tells."""
    return hmac.compare_digest(mac[:_ANCHOR], told)


def _framed(*parts: bytes) -> bytes:
    # Each with its length, so that no two lists of parts give the same bytes.
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _number(seq: int) -> bytes:
    return seq.to_bytes(8, "big", signed=True)


def _key_id(key: bytes) -> str:
    # 64 bits of a hash of a derived key: enough to tell keys apart, useless to find one.
    return hashlib.sha256(b"fastness event key id" + key).hexdigest()[:16]
