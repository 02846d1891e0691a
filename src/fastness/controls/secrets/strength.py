"""Which secrets are no secrets: short, empty, placeholders, published, or made by hand (ASVS 5.0 13.3.1, 11.2.3)."""

from __future__ import annotations

import base64
import binascii
import math
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources

from fastness.core.errors import UnsafeConfiguration
from fastness.core.key_text import reads_as_key

SHORTEST = 32
"""Bytes (RFC 7518 section 3.2; JSON Web Token cheat sheet)."""

_ENOUGH = 64.0
"""Bits that must be left when everything guessable is taken out. Sixteen random bytes in hexadecimal have about 110."""
_FEWEST_SYMBOLS = 7

_PLACEHOLDER = re.compile(r"\A(?:<.*>|\$\{.*\}|\$\(.*\)|\{\{.*\}\}|\{%.*%\}|%.+%|__.+__)\Z", re.DOTALL)
_LEET = str.maketrans("013457@$!", "oieastasi")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "0123456789abcdef")
_RUN = 4
"""Neighbouring keys or letters in a row that count as one."""
_WORD = 3
"""Letters of the shortest published text that is looked for inside a longer one."""

_FIX = 'run "fastness secret" and set the value it prints'


def generate() -> str:
    """A new secret: 256 random bits as 43 letters that need no quotes in any shell, `.env` or YAML file."""
    return secrets.token_urlsafe(32)


def weak_secret(value: str, *, where: str) -> UnsafeConfiguration | None:
    """Why `value` must not sign or seal anything, or None when nothing is wrong with it.

    The text never holds the value or a part of it; `where` is the name of the setting. A secret that people made up
    may still pass when it looks like chance: only a generated one is known to be good.
    """
    found = _weakness(value)
    if found is None:
        return None
    what, why = found
    return UnsafeConfiguration(f"the secret {what}", where=where, why=why, fix=_FIX)


def _weakness(value: str) -> tuple[str, str] | None:
    raw = value.encode("utf-8", "surrogatepass")
    if not value.strip():
        found = "is empty", "everybody knows the empty text"
    elif _PLACEHOLDER.match(value.strip()):
        found = "is a placeholder", "nothing replaced it, and it stands in a public file"
    elif _published(value):
        found = "is a published example", "lists of such secrets are tried first"
    elif len(raw) < SHORTEST:
        found = f"has {len(raw)} bytes, {SHORTEST} are needed", "short keys are found by trying (RFC 7518 section 3.2)"
    elif reads_as_key(raw):
        found = "is the text of an asymmetric key", "whoever has the public key could sign (CVE-2022-29217)"
    elif any(_guessable(reading) for reading in _readings(value)):
        found = "follows a pattern", "words, repeats and rows of keys are guessed, however long they are"
    else:
        return None
    return found


def _readings(value: str) -> Iterator[str]:
    """The text itself, and what it says in base64 or hexadecimal when that is text again."""
    yield value
    packed = value.strip()
    for decode in (_from_base64, bytes.fromhex):
        try:
            said = decode(packed).decode("ascii")
        except (binascii.Error, ValueError):
            continue
        if said.isprintable():
            yield said


def _from_base64(text: str) -> bytes:
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


@cache
def _lists() -> tuple[frozenset[str], tuple[str, ...]]:
    """Published secrets as they are compared, and the ones worth looking for inside longer texts, longest first."""
    folder = resources.files("fastness.controls.secrets")
    published = (folder / "published.txt").read_text("utf-8").splitlines()
    words = (folder / "words.txt").read_text("utf-8").split()
    whole = frozenset(_plain(line) for line in published) - {""}
    parts = {text for text in whole | {_plain(word) for word in words} if len(text) >= _WORD}
    return whole, tuple(sorted(parts | {text[::-1] for text in parts}, key=len, reverse=True))


def _plain(text: str) -> str:
    """Letters and digits without case: how two spellings of one example are recognised."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _published(value: str) -> bool:
    whole, _ = _lists()
    for reading in _readings(value):
        plain = _plain(reading)
        for text in (plain, plain[::-1], plain.translate(_LEET), plain.strip("0123456789")):
            if text in whole or _period(text) in whole:
                return True
    return False


def _period(text: str) -> str:
    """The shortest piece that `text` repeats, the last repeat cut off or not."""
    for size in range(1, len(text) // 2 + 1):
        piece = text[:size]
        if (piece * (len(text) // size + 1))[: len(text)] == text:
            return piece
    return text


def _guessable(value: str) -> bool:
    plain = value.casefold()
    return min(_bits(_rest(text)) for text in (plain, plain.translate(_LEET))) < _ENOUGH or _bits(value) < _ENOUGH


def _rest(text: str) -> str:
    """What is left of `text` when examples, words, rows of keys and repeats are taken out."""
    text = _period(text)
    for part in _lists()[1]:
        if part in text:
            text = text.replace(part, " ")
    for row in _ROWS:
        for run in (row, row[::-1]):
            for start in range(len(run) - _RUN + 1):
                text = text.replace(run[start : start + _RUN], " ")
    text = re.sub(r"(.)\1{2,}", r"\1", text)
    return _period("".join(letter for letter in text if letter.isalnum()))


def _bits(text: str) -> float:
    """Shannon's entropy of the letters, summed: an upper bound of what a guesser has to find."""
    counts = Counter(text)
    if len(counts) < _FEWEST_SYMBOLS:
        return 0.0
    return -sum(count * math.log2(count / len(text)) for count in counts.values())
