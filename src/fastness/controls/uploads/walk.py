"""Walks through the structure of a file while it arrives, without keeping it.

A format is a generator that asks for what it needs next: a number of bytes to look at, or a jump over them. When it
ends, the file must end too; so what is glued behind an image (a script, an archive) is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from fastness.controls.uploads.refusals import FileDamaged

_MOST_STEPS = 1_000_000  # about a second of one core; a 50 MB picture needs 400,000
_LONGEST_LOOK = 65_536


@dataclass(frozen=True, slots=True)
class Skip:
    """Jump over so many bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class OrEnd:
    """So many bytes, or none when the file ends right here."""

    size: int


class Rest:
    """Everything that follows is content: nothing more to walk."""


Ask = int | Skip | OrEnd | Rest
Steps = Generator[Ask, bytes, None]
Format = Callable[[], Steps]


class Walk:
    """Feeds a format as its bytes arrive."""

    def __init__(self, form: Format) -> None:
        self._steps = form()
        self._ask: Ask | None = next(self._steps)
        self._held = bytearray()
        self._taken = 0

    def feed(self, data: bytes) -> None:
        """
        Raises:
            FileDamaged: the structure is broken, or goes on after its end.
            ImageTooLarge: from an image format.
        """
        view = memoryview(data)
        while view:
            match self._ask:
                case Rest():
                    return
                case None:
                    raise FileDamaged("bytes after the end")
                case Skip(size):
                    jump = min(size, len(view))
                    view = view[jump:]
                    self._ask = Skip(size - jump) if jump < size else self._next(b"")
                case int(size) | OrEnd(size):
                    need = size - len(self._held)
                    self._held += view[:need]
                    view = view[need:]
                    if len(self._held) == size:
                        look = bytes(self._held)
                        self._held.clear()
                        self._ask = self._next(look)

    def close(self) -> None:
        """
        Raises:
            FileDamaged: the file breaks off.
        """
        finished = self._ask is None or isinstance(self._ask, Rest)
        if not finished and not (isinstance(self._ask, OrEnd) and not self._held):
            raise FileDamaged("the file breaks off")

    def _next(self, look: bytes) -> Ask | None:
        self._taken += 1
        if self._taken > _MOST_STEPS:
            raise FileDamaged("too many pieces")
        try:
            ask = self._steps.send(look)
            while isinstance(ask, Skip) and ask.size == 0:
                ask = self._steps.send(b"")
        except StopIteration:
            return None
        if isinstance(ask, int | OrEnd) and not 0 < (ask if isinstance(ask, int) else ask.size) <= _LONGEST_LOOK:
            raise FileDamaged("a length is out of range")
        return ask
