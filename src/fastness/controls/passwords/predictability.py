"""How much of a password an attacker must really guess.

A password counts as many characters as an attacker's best reading of it needs. One that he must guess counts one. A
common password inside it counts three, however long: there are 100,000 of them, and three random characters are about
as many. The person's own words, a year and a straight line of keys count one. A text where each character follows
from the one k places before it, by the same step, counts k: a run (aaaa), a sequence (1234), a repetition (abcabc).

So `Welcome2026!!!` counts five, and `correct horse battery staple` fifteen.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from fastness.controls.passwords.blocklist import LONGEST, SHORTEST

_WINDOW = 64
_WORD = 3
_PATH = 3
_SHORTEST_PATH = 4
_SHORTEST_LINE = 3
_SHORTEST_ECHO = 4
_STRIDES = (1, 2, 3, 4)

# A letter may be written as a look-alike; 1, ! and | stand for i or for l.
_LOOKALIKES = dict(zip("@4830$5796", "aabeosstgg", strict=True))
_UNWRITTEN = (
    str.maketrans({**_LOOKALIKES, "1": "i", "!": "i", "|": "i"}),
    str.maketrans({**_LOOKALIKES, "1": "l", "!": "l", "|": "l"}),
)

_KEYS = ("`1234567890-=", " qwertyuiop[]\\", " asdfghjkl;'", " zxcvbnm,./")
_SHIFTED = str.maketrans('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;'" + ",./")
_PLACES = {key: (row, column) for row, keys in enumerate(_KEYS) for column, key in enumerate(keys) if key != " "}
_NEIGHBOURS = frozenset({(0, 1), (0, -1), (1, 0), (-1, 0), (1, -1), (-1, 1)})


@dataclass(frozen=True, slots=True)
class Reading:
    """An attacker's cheapest reading of a password."""

    count: int
    """Characters that must be guessed; not counted beyond what was asked for."""
    personal: bool
    """Whether the person's own words are part of the reading."""


def read(folded: str, *, common: Container[str], personal: Iterable[str] = (), enough: int) -> Reading:
    """The cheapest reading of a folded password. Work is bounded, whatever the length.

    `personal` are folded words. Reading stops once `enough` characters must be guessed.
    """
    words = tuple(dict.fromkeys(form for word in personal for form in (word, word[::-1])))
    count, touched = 0, False
    # Long passwords are read in windows, so that work grows linearly and the first window usually decides.
    for start in range(0, len(folded), _WINDOW):
        window = _read(folded[start : start + _WINDOW], common, words)
        count, touched = count + window.count, touched or window.personal
        if count >= enough:
            break
    return Reading(count, touched)


def _read(text: str, common: Container[str], personal: tuple[str, ...]) -> Reading:
    # best[i] is the cheapest reading of text[:i]; every piece that starts at i may extend it.
    best: list[tuple[int, bool]] = [(index, False) for index in range(len(text) + 1)]
    spellings = tuple(dict.fromkeys((text, *(text.translate(table) for table in _UNWRITTEN))))
    for start in range(len(text)):
        count, touched = best[start]
        for end, cost, own in _pieces(text, start, spellings, common, personal):
            best[end] = min(best[end], (count + cost, touched or own))
    return Reading(*best[-1])


def _pieces(
    text: str, start: int, spellings: tuple[str, ...], common: Container[str], personal: tuple[str, ...]
) -> Iterator[tuple[int, int, bool]]:
    yield start + 1, 1, False
    for word in personal:
        if any(spelling.startswith(word, start) for spelling in spellings):
            yield start + len(word), 1, True
    for stride in _STRIDES:
        for end in _following(text, start, stride):
            yield end, stride, False
    if text[start : start + 2] in {"19", "20"} and _digits(text[start : start + 4]):
        yield start + 4, 1, False
    if not text[start].isalnum() and text[start : start + 2] == text[start] * 2:
        yield start + 2, 1, False
    yield from _keys(text, start)
    yield from _before(text, start)
    for end in range(start + SHORTEST, min(start + LONGEST, len(text)) + 1):
        if any(word in common for word in {spelling[start:end] for spelling in spellings}):
            yield end, _WORD, False


def _following(text: str, start: int, stride: int) -> Iterator[int]:
    """Ends of the stretches that follow from their first `stride` characters by steps of -1, 0 or 1 each."""
    steps = [_step(text, start + offset, stride) for offset in range(stride)]
    if None in steps:
        return
    end = start + stride
    while end < len(text) and _step(text, end - stride, stride) == steps[(end - start) % stride]:
        end += 1
        if end - start >= max(2 * stride, _SHORTEST_LINE):
            yield end


def _before(text: str, start: int) -> Iterator[tuple[int, int, bool]]:
    """Stretches that stand earlier in the text too."""
    for end in range(start + _SHORTEST_ECHO, len(text) + 1):
        if text[start:end] not in text[:start]:
            return
        yield end, 1, False


def _step(text: str, at: int, stride: int) -> int | None:
    if at + stride >= len(text):
        return None
    one, other = text[at], text[at + stride]
    step = ord(other) - ord(one)
    if {one, other} == {"0", "9"}:
        step = 1 if one == "9" else -1
    return step if -1 <= step <= 1 else None


def _keys(text: str, start: int) -> Iterator[tuple[int, int, bool]]:
    """Straight lines and paths over neighbouring keys of a US keyboard."""
    plain = text.translate(_SHIFTED)
    here, line, straight = _PLACES.get(plain[start]), None, True
    for end in range(start + 1, len(plain)):
        there = _PLACES.get(plain[end])
        if here is None or there is None:
            return
        move = (there[0] - here[0], there[1] - here[1])
        if move not in _NEIGHBOURS:
            return
        line = line or move
        straight = straight and move == line
        length = end + 1 - start
        if straight and length >= _SHORTEST_LINE:
            yield end + 1, 1, False
        elif length >= _SHORTEST_PATH:
            yield end + 1, _PATH, False
        here = there


def _digits(text: str) -> bool:
    return len(text) == 4 and text.isascii() and text.isdigit()  # noqa: PLR2004 - a year
