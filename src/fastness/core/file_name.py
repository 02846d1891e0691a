"""What a file may be called: one name that every file system, shell and browser reads the same way.

For names that come from outside. What is refused is refused whole, not repaired: a repaired name is a second name.
ASVS 5.3.2, 5.4.1; CWE-22, CWE-73; https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote_to_bytes

from fastness.core.characters import hidden, joins_letters, lone_surrogate

LONGEST = 255
"""Bytes of UTF-8: what ext4, APFS and ZFS allow; no more UTF-16 units than NTFS allows."""

_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|CLOCK\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?")
_CURRENCIES = frozenset("\u00a5\u20a9")
_SEPARATORS = _CURRENCIES | frozenset("/\\\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c")
"""Both slashes, and what best-fit mappings turn into one (CVE-2024-4577 is such a mapping): Japanese and Korean code pages
have a yen or won sign where others have the backslash."""

_ELSEWHERE = frozenset('<>:"|?*')
_IIS = re.compile("%u[0-9A-Fa-f]{4}")
_ROUNDS = 3
_JOINER, _AS_EMOJI = "\u200d", "\ufe0f"


class UnsafeName(ValueError):
    """The name is not one that every system reads the same way. The message says what to do; it holds no input."""


def safe_file_name(text: str) -> str:
    """The name to keep: NFC, spaces around it trimmed.

    Refused: separators, their look-alikes and what becomes one (yen and won signs), also when percent-encoded up to
    three times; control, direction and invisible characters; `< > : " | ? *`; names that begin with a dot, `-` or `~`
    or end with a dot; `CON`, `NUL` and the other device names of Windows; more than 255 bytes.

    Raises:
        UnsafeName: the message is meant for outsiders.
    """
    if len(text) > LONGEST:  # before any work that grows with it
        raise UnsafeName(f"A file name has at most {LONGEST} bytes")
    if lone_surrogate(text):
        raise UnsafeName("A file name should be valid Unicode")
    name = unicodedata.normalize("NFC", text).strip(" ")
    if len(name.encode()) > LONGEST:
        raise UnsafeName(f"A file name has at most {LONGEST} bytes")
    if not name or not any(character.isalnum() or not character.isascii() for character in name):
        raise UnsafeName("A file name should have at least one letter or digit")
    _look(name)
    # A two dot leader becomes two dots where somebody normalises by compatibility.
    if unicodedata.normalize("NFKC", name[0])[0] in ".-~" or name[-1] == ".":
        raise UnsafeName("A file name should not begin with a dot, a hyphen or a tilde, nor end with a dot")
    if _RESERVED.fullmatch(name.upper()):
        raise UnsafeName("This file name is reserved by Windows. Choose another one")
    _decoded(name)
    return name


def extension(name: str) -> str:
    """What stands after the last dot, in lower case; empty when there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def _look(name: str) -> None:
    for place, character in enumerate(name):
        if character in _CURRENCIES:
            raise UnsafeName("A file name should have no yen or won sign: some systems read it as a backslash")
        if character in _SEPARATORS:
            raise UnsafeName("Give a file name without its folder: no slashes or backslashes")
        if character in _ELSEWHERE:
            raise UnsafeName('A file name should have none of < > : " | ? *')
        if hidden(character) and character != " " and not joins_letters(name, place) and not _in_emoji(name, place):
            raise UnsafeName("A file name should have no control, direction or invisible characters")


def _decoded(name: str) -> None:
    """Look at the name as somebody would who decodes it once more than needed (ASVS 1.1.1)."""
    raw = name.encode()
    if _IIS.search(name):
        raise UnsafeName("A file name should not be percent-encoded")
    for _ in range(_ROUNDS):
        again = unquote_to_bytes(raw)
        if again == raw:
            return
        raw = again
        try:
            text = raw.decode()
        except UnicodeDecodeError:  # overlong forms of a slash, among others
            raise UnsafeName("A file name should not be percent-encoded") from None
        if text.startswith(".") or any(character in _SEPARATORS or character < " " for character in text):
            raise UnsafeName("A file name should not be percent-encoded")


def _in_emoji(name: str, place: int) -> bool:
    if place < 1:
        return False
    before, after = name[place - 1], name[place + 1 : place + 2]
    if name[place] == _AS_EMOJI:
        return unicodedata.category(before) in {"So", "Sm", "Po"} and not before.isascii()
    return name[place] == _JOINER and _draws(before) and bool(after) and _draws(after)


def _draws(character: str) -> bool:
    return character == _AS_EMOJI or (unicodedata.category(character) in {"So", "Sk"} and not character.isascii())
