"""The common passwords that ship with the package, and how a text is compared with them.

The file holds no password: 257 little-endian 32-bit numbers, where each of 256 buckets begins and the last ends, then
the lower 32 bits of each entry's digest, ascending within its bucket. The bucket is the top 8 of the 40 bits. A text
that is not on the list looks as if it were with a chance of entries / 2**40, about one in eleven million.
`tools/build_blocklist.py` writes it.
"""

from __future__ import annotations

import sys
import unicodedata
from array import array
from bisect import bisect_left
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

PACKED = Path(__file__).with_name("blocklist.bin")
SHORTEST = 4
"""Shorter entries are left out: they are no password, and as part of one they save an attacker nothing."""
LONGEST = 20
"""No entry has more code points."""
_HEAD = 257


def fold(text: str) -> str:
    """The form in which texts are compared: compatible characters and case count as the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def digest(folded: str) -> int:
    """The 40 bits that stand for a folded text."""
    return int.from_bytes(blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=5).digest(), "big")


class Blocklist:
    """Answers whether a folded text is one of the common passwords, in about a microsecond."""

    def __init__(self, packed: bytes) -> None:
        """`packed` is what the build script wrote.

        Raises:
            ValueError: it is cut short or not of that layout.
        """
        numbers = array("I", packed)
        if sys.byteorder == "big":
            numbers.byteswap()
        if len(numbers) <= _HEAD or numbers[_HEAD - 1] != len(numbers) - _HEAD:
            raise ValueError("the packed blocklist is damaged")
        self._starts, self._entries = numbers[:_HEAD], numbers[_HEAD:]

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, folded: object) -> bool:
        if not isinstance(folded, str) or not SHORTEST <= len(folded) <= LONGEST:
            return False
        found = digest(folded)
        bucket, low = found >> 32, found & 0xFFFFFFFF
        end = self._starts[bucket + 1]
        at = bisect_left(self._entries, low, self._starts[bucket], end)
        return at < end and self._entries[at] == low


@lru_cache(maxsize=1)
def shipped() -> Blocklist:
    """The list in the package, read once."""
    return Blocklist(PACKED.read_bytes())
