"""How large a message may be, and how many may come: of one connection, and of one user over all of them."""

from __future__ import annotations

import hmac
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastness.controls.websockets.refusals import MessageTooLarge, TooManyMessages
from fastness.controls.websockets.settings import WebSocketSettings
from fastness.core.clock import Clock, steady
from fastness.core.errors import Refused, Unavailable
from fastness.core.exchange import Message
from fastness.core.sockets import Judge
from fastness.core.store import CounterStore, Hit, MemoryStore, Rate


class Counts:
    """What all connections of one application share: the rates, and where they are counted."""

    def __init__(
        self, settings: WebSocketSettings, store: CounterStore | None, *, key: bytes | None, ticks: Clock = steady
    ) -> None:
        self.size = settings.max_message_size
        self.each = Rate.parse(settings.messages_per_connection) if settings.messages_per_connection else None
        self.user = Rate.parse(settings.messages_per_user) if settings.messages_per_user else None
        self.own = MemoryStore(now=ticks)
        self.shared: CounterStore = MemoryStore(now=ticks) if store is None else store
        self._key = key
        self.numbers = itertools.count()

    def named(self, subject: str) -> str:
        """The counter of a user; a digest where others can read the store."""
        if self._key is None:
            return f"messages {subject}"
        return "messages:" + hmac.digest(self._key, subject.encode("utf-8", "replace"), "sha256")[:20].hex()


@dataclass(slots=True)
class Messages:
    """Judges the messages of one connection. `excess` reports a limit that was reached."""

    counts: Counts
    subject: str
    excess: Callable[[str], None]
    _number: str = field(init=False)

    def __post_init__(self) -> None:
        self._number = str(next(self.counts.numbers))

    def judge(self) -> Judge:
        """What a socket asks about each message.

        It raises MessageTooLarge, TooManyMessages, or Unavailable when the store does not count.
        """
        counts, number, name = self.counts, self._number, self.counts.named(self.subject)
        most, passes, each, user, hit_one = counts.size, counts.own.passes, counts.each, counts.user, counts.shared.hit

        def judge(message: Message) -> Awaitable[None] | None:
            if _size(message, most) > most:
                raise MessageTooLarge
            if each is not None and not passes(number, each):
                raise self._flood("messages of a connection", counts.own.hit(number, each))
            if user is None:
                return None
            try:
                hit = hit_one(name, user)
            except Exception as error:  # noqa: BLE001 - whatever a driver raises, nothing passes uncounted
                raise Unavailable(f"not counted: {type(error).__name__}") from None
            if not isinstance(hit, Hit):
                return self._wait(hit)
            self._settle(hit)
            return None

        return judge

    def forget(self) -> None:
        """The connection is over."""
        self.counts.own.reset(self._number)

    async def _wait(self, waiting: Awaitable[Hit]) -> None:
        try:
            hit = await waiting
        except Exception as error:  # noqa: BLE001 - as above
            raise Unavailable(f"not counted: {type(error).__name__}") from None
        self._settle(hit)

    def _settle(self, hit: Hit) -> None:
        if not hit.allowed:
            raise self._flood("messages of a user", hit)

    def _flood(self, reason: str, hit: Hit) -> Refused:
        self.excess(reason)
        return TooManyMessages(reason, retry_after=hit.retry_after)


def _size(message: Message, most: int) -> int:
    text: str | None = message.get("text")
    if text is None:
        return len(message.get("bytes") or b"")
    if len(text) > most or text.isascii():
        return len(text)
    return len(text.encode("utf-8", "surrogatepass"))
