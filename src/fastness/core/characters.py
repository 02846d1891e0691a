"""What a character is: hidden, joining, of which script. Python's own Unicode data decide; no tables are shipped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that draw nothing: grapheme joiner, Hangul fillers, Khmer inherent vowels, braille blank."""

_NON_JOINER, _JOINER = "\u200c", "\u200d"
_VIRAMA = 9  # its canonical combining class

# unicodedata has no Script property; the first word of a letter's name is the script for every script in common use.
_WORD_TO_SCRIPT = {"CJK": "HAN", "IDEOGRAPHIC": "HAN", "ARABIC-INDIC": "ARABIC", "KATAKANA-HIRAGANA": "KATAKANA"}

# Unicode TR 39 section 5.2, "highly restrictive": these sets of scripts are written together.
_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)

_LOOKS_LATIN = {
    "CYRILLIC": frozenset("асԁеһіјӏорԛѕԝхуъьҽпгѵѡ"),
    "GREEK": frozenset("αικνρυωηοτγ"),
}
"""Small letters that pass for Latin ones; the Cyrillic and Greek rows of Chromium's IDN policy."""


def lone_surrogate(text: str) -> bool:
    """Whether `text` cannot be encoded as UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def hidden(character: str) -> bool:
    """Whether nobody can see it, or nobody knows what it is: control, format, private, unassigned, odd space, filler.

    Variation selectors are hidden too. An ordinary space is not.
    """
    if character.isascii():
        return not character.isprintable()
    category = unicodedata.category(character)
    return (
        category[0] == "C"
        or category in {"Zl", "Zp", "Zs"}
        or character in _BLANK
        or "\u180b" <= character <= "\u180f"
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def joins_letters(text: str, place: int) -> bool:
    """Whether `text[place]` is a joiner that its script needs (RFC 5892 appendix A.1 and A.2, simplified).

    A joiner or non-joiner may follow a virama; a non-joiner may also stand between two letters of a joined script.
    """
    if text[place] not in {_NON_JOINER, _JOINER} or not 0 < place < len(text) - 1:
        return False
    before, after = text[place - 1], text[place + 1]
    if unicodedata.combining(before) == _VIRAMA:
        return True
    return text[place] == _NON_JOINER and all(unicodedata.bidirectional(x) == "AL" for x in (before, after))


def scripts(text: str) -> set[str]:
    """The scripts of the letters and non-ASCII digits in `text`, as the first word of their Unicode names."""
    found: set[str] = set()
    for character in text:
        if character.isascii():
            if character.isalpha():
                found.add("LATIN")
        elif unicodedata.category(character)[0] in "LN":
            word = unicodedata.name(character, "UNKNOWN").split(" ", 1)[0]
            found.add(_WORD_TO_SCRIPT.get(word, word))
    return found


def written_together(found: Iterable[str]) -> bool:
    """Whether one honest word could hold letters of all these scripts."""
    found = frozenset(found)
    return len(found) <= 1 or any(found <= allowed for allowed in _TOGETHER)


def passes_for_latin(text: str) -> str | None:
    """The script of a text whose every letter looks like a Latin one, else None."""
    letters = [character for character in text.lower() if character.isalpha()]
    for script, lookalikes in _LOOKS_LATIN.items():
        if letters and all(letter in lookalikes for letter in letters):
            return script
    return None


def phonetic(character: str) -> bool:
    """Whether it is a letter of phonetic or medieval writing, of which some pass for Latin ones."""
    # The phonetic and medieval blocks hold look-alikes of a, g and l; the letters of living languages stay.
    return (
        "\u0250" <= character <= "\u02ff"
        or "\u1d00" <= character <= "\u1dbf"
        or "\u2c60" <= character <= "\u2c7f"
        or "\ua720" <= character <= "\ua7ff"
        or "\uab30" <= character <= "\uab6f"
    )
