"""Passwords that are known from leaks, looked up without telling anybody which (k-anonymity).

The first five of forty hexadecimal digits of a SHA-1 go out; what comes back are some hundred endings, and the comparison is
made here. The format is that of haveibeenpwned.com: one `ENDING:COUNT` a line. SHA-1 is their index, no protection.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections.abc import Awaitable, Callable

from pydantic import SecretStr

from fastness.controls.passwords.errors import WeakPassword
from fastness.controls.passwords.text import reveal
from fastness.core.events import Event, EventType, Level, Sink, silent

Ranges = Callable[[str], Awaitable[str]]
"""Five upper-case hexadecimal digits -> the lines of that range. Raises when it cannot tell."""

_PREFIX = 5
_log = logging.getLogger("fastness")


class Breached:
    """Refuses passwords that leaked before (ASVS 6.2.12). Who cannot be asked refuses nothing: one event tells so.

    Args:
        ranges: where the lines come from.
        least: how often a password must have been seen.
    """

    def __init__(self, ranges: Ranges, *, least: int = 1, emit: Sink = silent) -> None:
        self._ranges, self._least, self._emit = ranges, least, emit
        self._down = False

    async def refuse(self, password: str | SecretStr) -> None:
        """Let a new password pass that is in no leak, or of which nobody can tell.

        Raises:
            WeakPassword: it is in one.
        """
        text = unicodedata.normalize("NFC", reveal(password)).encode("utf-8", "surrogatepass")
        digest = hashlib.sha1(text, usedforsecurity=False).hexdigest().upper()
        try:
            lines = await self._ranges(digest[:_PREFIX])
        except Exception as error:  # noqa: BLE001 - fails open, whatever a server or a disk does
            if not self._down:
                self._down = True
                _log.warning("leaked passwords are not looked up: %s", type(error).__name__)
                details = {"monitor": "breached_passwords"}
                self._emit(Event(EventType.SYS_MONITOR_DISABLED, level=Level.WARN, details=details))
            return
        self._down = False
        if _count(lines, digest[_PREFIX:]) >= self._least:
            raise WeakPassword("breached")


def _count(lines: str, ending: str) -> int:
    for line in lines.splitlines():
        found, _, count = line.strip().partition(":")
        if found.upper() == ending:
            # A padded answer holds endings that were never seen, with a count of 0.
            return int(count) if count.isdigit() else 1
    return 0
