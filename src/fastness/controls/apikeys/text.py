"""What a key looks like: `fast_live_` and 49 letters and digits, of which the last six are a checksum.

The prefix tells people and secret scanners what they have found; the checksum tells a typo, and a scanner's false
alarm, from a key without asking the database. It is public arithmetic and protects nothing.
"""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Iterable

PREFIX = re.compile(r"[a-z][a-z0-9]{1,15}(?:_[a-z0-9]{1,15}){0,2}")
"""One to three short lower-case words with underscores between."""

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET, _CHECKSUM = 43, 6  # in base 62: 256 bits, and the 32 of a CRC
_BODY = re.compile(rb"[0-9A-Za-z]{49}")


class KeyText:
    """Writes keys with one prefix and recognises those with any of the given ones."""

    def __init__(self, prefix: str, older: Iterable[str] = ()) -> None:
        """Raises ValueError for a prefix that is no short lower-case word or words with underscores between."""
        prefixes = (prefix, *older)
        if not all(PREFIX.fullmatch(each) for each in prefixes):
            raise ValueError("a prefix of API keys is one to three lower-case words, as in fast_live")
        self._heads = tuple(f"{each}_".encode() for each in prefixes)

    def new(self) -> str:
        """A key nobody has seen: 256 random bits (ASVS 5.0 11.5.1)."""
        # Letters and digits only: a double click selects the whole key, and no URL or shell changes it.
        head = self._heads[0] + _base62(secrets.randbits(256), _SECRET)
        return (head + _checksum(head)).decode()

    def has_prefix(self, raw: bytes) -> bool:
        """Whether this claims to be a key of ours."""
        return raw.startswith(self._heads)

    def is_key(self, raw: bytes) -> bool:
        """Whether this is written as a key of ours is, checksum included. It says nothing about its being known."""
        for head in self._heads:
            if raw.startswith(head) and _BODY.fullmatch(raw, len(head)):
                return _checksum(raw[:-_CHECKSUM]) == raw[-_CHECKSUM:]
        return False


def _checksum(head: bytes) -> bytes:
    # Over the prefix too: a key whose prefix was changed from test to live is a typo.
    return _base62(zlib.crc32(head), _CHECKSUM)


def _base62(number: int, length: int) -> bytes:
    out = bytearray()
    for _ in range(length):
        number, digit = divmod(number, 62)
        out.append(_DIGITS[digit])
    return bytes(reversed(out))
