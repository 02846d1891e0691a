"""User names: one spelling, one alphabet, and no two that a reader would take for one another.

NFKC and case folding (RFC 8265's UsernameCaseMapped, with Unicode's own folding), scripts as Unicode TR 39 section 5.2
says. ASVS 1.3.11, 2.2.1.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from fastness.controls.fields.text import Checked, wrong
from fastness.core.characters import hidden, passes_for_latin, phonetic, scripts, written_together

_SHORTEST, _LONGEST = 3, 32
_MARKS = "._-"
_TWICE = re.compile(r"[._-]{2}")
_ALIKE = str.maketrans({"0": "o", "1": "l", **dict.fromkeys(_MARKS, "")})


def check_username(value: str) -> str:
    """The name to keep and to show: letters and digits of one alphabet in lower case, with single `.`, `_` or `-` inside.

    It never holds an at sign, so no user name is an address.

    Raises:
        PydanticCustomError: type `fastness_username` or `fastness_username_length`.
    """
    if len(value) > 4 * _LONGEST:
        raise _length()
    name = _folded(value.strip(" "))
    if not _SHORTEST <= len(name) <= _LONGEST:
        raise _length()
    inside = all(_of_a_name(character) for character in name)
    if not inside or name[0] in _MARKS or name[-1] in _MARKS or _TWICE.search(name) or not any(map(str.isalpha, name)):
        raise wrong("username", "A user name has letters and digits, with single dots, hyphens or underscores between")
    if not name.isascii() and not _one_alphabet(name):
        raise wrong("username", "This user name mixes letters that look alike. Write it in one alphabet")
    return name


def canonical_username(name: str) -> str:
    """The form to compare, look up and count by; store it beside the name, and unique. Never raises.

    One form for every spelling of a name, and for names that look the same: marks left out, `0` as `o`, `1` as `l`, `rn`
    as `m`, `vv` as `w`. Whoever has `mary.owen` has `maryowen` and `mary-0wen` too.
    """
    if len(name) > 4 * _LONGEST:
        return name.lower()  # nobody's name, and no work for the normaliser
    return _folded(name.strip(" ")).translate(_ALIKE).replace("rn", "m").replace("vv", "w")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _of_a_name(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in _MARKS
    category = unicodedata.category(character)
    return not hidden(character) and (category[0] == "L" or category in {"Mn", "Mc", "Nd"})


def _one_alphabet(name: str) -> bool:
    return written_together(scripts(name)) and not passes_for_latin(name) and not any(map(phonetic, name))


def _length() -> Exception:
    return wrong("username_length", f"A user name has {_SHORTEST} to {_LONGEST} characters")


Username = Annotated[
    str,
    Checked(check_username, {"minLength": _SHORTEST, "maxLength": _LONGEST, "examples": ["ada.lovelace"]}),
]
"""3 to 32 characters. Compare by `canonical_username`."""
