"""Which new passwords are refused: too short, too long, common, personal or predictable. No composition rule."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from pydantic import SecretStr

from fastness.controls.passwords.blocklist import Blocklist, fold, shipped
from fastness.controls.passwords.errors import WeakPassword
from fastness.controls.passwords.predictability import read
from fastness.controls.passwords.settings import PasswordSettings
from fastness.controls.passwords.text import prepare, reveal
from fastness.core.declare import provides

_ENOUGH = 8
_SHORTEST_CONTEXT = 3
_LONGEST_CONTEXT = 256
_MOST_CONTEXT = 64
_SEPARATORS = re.compile(r"[\W_]+")


@provides("passwords")
class PasswordPolicy:
    """Refuses what an attacker tries first, and nothing else: any character may stand in a password (ASVS 6.2.5).

    Where a second factor is always required, say `mfa_required=True`: eight characters are then enough.
    """

    def __init__(
        self,
        settings: PasswordSettings | None = None,
        *,
        mfa_required: bool = False,
        blocklist: Blocklist | None = None,
    ) -> None:
        """`blocklist` replaces the shipped one."""
        self.settings = settings or PasswordSettings()
        self.min_length = self.settings.min_length_with_mfa if mfa_required else self.settings.min_length
        # A password of just the least length has two characters to spare, or random ones would be refused by chance.
        self._enough = min(_ENOUGH, self.min_length - 2)
        self._blocklist = blocklist

    def refuse_weak(self, password: str | SecretStr, *, context: Iterable[str] = ()) -> None:
        """Let a good new password pass. Takes about a millisecond, and no longer for a long one.

        `context` are the person's own words: e-mail address, name, user name. The service's are in the settings.

        Raises:
            WeakPassword: its public text says why and what to do, and holds nothing of the password.
        """
        prepare(password, self.settings)
        text = reveal(password)
        if len(unicodedata.normalize("NFC", text)) < self.min_length:
            raise WeakPassword("too_short", length=self.min_length)
        common = self._blocklist if self._blocklist is not None else shipped()
        folded = fold(text)
        if folded in common:
            raise WeakPassword("common")
        unit = _unit(folded)
        words = _words((*self.settings.context_words, *context))
        reading = read(unit, common=common, personal=words, enough=self._enough)
        if reading.count < self._enough:
            raise WeakPassword("personal" if reading.personal else "predictable")


def _unit(text: str) -> str:
    """The shortest text that `text` repeats whole; a password counts once, however often it is typed."""
    return text[: (text + text).index(text, 1)]


def _words(context: Iterable[str]) -> list[str]:
    """Each context text whole, without separators, and in its parts, folded; an e-mail's local part too."""
    found: dict[str, None] = {}
    for text in context:
        for word in _forms(fold(text[:_LONGEST_CONTEXT])):
            if len(word) >= _SHORTEST_CONTEXT:
                found[word] = None
            if len(found) >= _MOST_CONTEXT:
                return list(found)
    return list(found)


def _forms(folded: str) -> Iterator[str]:
    yield folded
    local, at, _ = folded.rpartition("@")
    if at:
        yield local
        yield _SEPARATORS.sub("", local)
    yield _SEPARATORS.sub("", folded)
    yield from _SEPARATORS.split(folded)
