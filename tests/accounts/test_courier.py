"""A mail that was posted is sent: after a failure, a crash or a restart; and nothing of it can be read meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from sqlalchemy import text

from accounts.serving import SECRET, Clock
from fastness.accounts.courier import Courier
from fastness.accounts.mail import Mail, MemoryMailer, Undeliverable
from fastness.core.events import Event, EventType
from fastness.core.keys import KeyRing
from models_on import AccountDatabase, models_on

pytestmark = pytest.mark.anyio

LETTER = Mail("ada@example.com", "Hello", "Your code: 12345678\n")


@pytest.fixture
async def db(url: str) -> AsyncIterator[AccountDatabase]:
    async with models_on(url) as database:
        yield database


class Refusing:
    """A mail server that refuses the first `times` mails."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.left, self.sent = times, list[Mail]()
        self._error = error or ConnectionRefusedError("canary: ada@example.com")

    async def send(self, mail: Mail) -> None:
        if self.left:
            self.left -= 1
            raise self._error
        self.sent.append(mail)


class Hanging:
    """A mail server that takes the mail and never answers."""

    async def send(self, mail: Mail) -> None:
        await anyio.sleep_forever()


def courier(db: AccountDatabase, mailer: Any, clock: Clock | None = None, **how: Any) -> Courier:
    return Courier(db, mailer, KeyRing([how.pop("secret", SECRET)]), now=(clock or Clock()).wall, **how)


async def post(db: AccountDatabase, carrier: Courier, *, ttl: float = 600, asked: bool = False) -> None:
    async with db.write() as work:
        await carrier.post(work, LETTER, ttl=ttl, asked=asked)
    carrier.wake()


async def rows(db: AccountDatabase) -> list[Any]:
    async with db.transaction() as connection:
        return list(await connection.execute(text("SELECT id, sealed, attempts, due_at FROM fastness_outbox")))


async def test_a_posted_mail_is_sent_and_leaves_no_row(db: AccountDatabase) -> None:
    box = MemoryMailer()
    carrier = courier(db, box)

    await post(db, carrier)
    await carrier.settled()

    assert box.outbox == [LETTER]
    assert await rows(db) == []


async def test_a_running_courier_sends_without_being_asked_twice(db: AccountDatabase) -> None:
    sent: asyncio.Queue[Mail] = asyncio.Queue()

    class Queued:
        async def send(self, mail: Mail) -> None:
            await sent.put(mail)

    carrier = courier(db, Queued())
    await carrier.start()
    await post(db, carrier)

    assert await asyncio.wait_for(sent.get(), 10) == LETTER
    await carrier.stop()


async def test_a_mail_whose_transaction_is_rolled_back_is_never_sent(db: AccountDatabase) -> None:
    box = MemoryMailer()
    carrier = courier(db, box)

    with contextlib.suppress(ZeroDivisionError):
        async with db.write() as work:
            await carrier.post(work, LETTER)
            raise ZeroDivisionError
    await carrier.settled()

    assert box.outbox == []


async def test_a_refused_mail_is_tried_again_after_pauses_that_double(db: AccountDatabase) -> None:
    server, clock = Refusing(3), Clock()
    carrier = courier(db, server, clock, pause=10)
    await post(db, carrier)

    waits = []
    while not server.sent:
        await carrier.settled()
        if found := await rows(db):
            waits.append(round(found[0].due_at - clock.wall()))
            clock.ahead += waits[-1] + 1

    assert waits == [10, 20, 40]
    assert server.sent == [LETTER]
    assert await rows(db) == []


async def test_a_task_is_composed_once_though_its_mail_is_tried_again(db: AccountDatabase) -> None:
    server, composed = Refusing(2), list[str]()
    carrier = courier(db, server, pause=0)

    async def compose(*, canonical: str) -> Mail:
        composed.append(canonical)
        return LETTER

    carrier.tasks["greet"] = compose
    await carrier.ask("greet", ttl=600, canonical="ada@example.com")
    await carrier.settled()

    assert composed == ["ada@example.com"]
    assert server.sent == [LETTER]


async def test_a_task_that_ends_in_no_mail_sends_none_and_leaves_no_row(db: AccountDatabase) -> None:
    box = MemoryMailer()
    carrier = courier(db, box)

    async def nothing() -> Mail | None:
        return None

    carrier.tasks["nothing"] = nothing
    await carrier.ask("nothing", ttl=600)
    await carrier.settled()

    assert (box.outbox, await rows(db)) == ([], [])


async def test_a_mail_that_is_given_up_is_an_event_without_the_address(
    db: AccountDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    events, clock = list[Event](), Clock()
    carrier = courier(db, Refusing(99), clock, emit=events.append)

    await post(db, carrier, ttl=60)
    await carrier.settled()
    clock.ahead += 61
    await carrier.settled()

    assert [(event.type, event.details["again"]) for event in events] == [
        (EventType.SYS_MAIL_FAIL, True),
        (EventType.SYS_MAIL_FAIL, False),
    ]
    assert await rows(db) == []
    assert "ada@" not in repr(events) + caplog.text
    assert "canary" not in repr(events) + caplog.text


async def test_what_can_never_be_delivered_is_not_tried_again(db: AccountDatabase) -> None:
    events, server = list[Event](), Refusing(1, Undeliverable())
    carrier = courier(db, server, emit=events.append, pause=0)

    await post(db, carrier)
    await carrier.settled()

    assert server.sent == []
    assert [event.reason for event in events] == ["undeliverable"]


async def test_a_full_outbox_drops_what_strangers_ask_for_and_keeps_notices(db: AccountDatabase) -> None:
    events: list[Event] = []
    carrier = courier(db, MemoryMailer(), emit=events.append, capacity=1)

    for asked in (True, True, False):
        await post(db, carrier, asked=asked)

    assert [event.reason for event in events] == ["the outbox is full"]
    assert len(await rows(db)) == 2


async def test_what_waits_shows_neither_address_nor_code(db: AccountDatabase) -> None:
    carrier = courier(db, MemoryMailer())

    await post(db, carrier)
    await carrier.ask("task", ttl=60, canonical="ada@example.com", flow="secret-flow")

    waiting = await rows(db)
    shown = repr(waiting)
    assert len(waiting) == 2
    # No shorter words: random ids in hex spell "ada" once in a hundred runs.
    assert not any(word in shown for word in ("ada@", "example", "12345678", "Your code", "secret-flow"))


async def test_a_mail_under_another_secret_is_dropped_with_an_event(db: AccountDatabase) -> None:
    events, box = list[Event](), MemoryMailer()
    await post(db, courier(db, box, secret="another " * 8))

    await courier(db, box, emit=events.append).settled()

    assert box.outbox == []
    assert [event.reason for event in events] == ["its seal does not open"]


async def test_two_couriers_never_send_one_mail_both(db: AccountDatabase) -> None:
    box = MemoryMailer()
    first, second = courier(db, box), courier(db, box)
    for _ in range(30):
        await post(db, first)

    await asyncio.gather(first.settled(), second.settled())

    assert len(box.outbox) == 30


async def test_stopping_sends_what_waits(db: AccountDatabase) -> None:
    box = MemoryMailer()
    carrier = courier(db, box)
    await carrier.start()

    await post(db, carrier)
    await carrier.stop()

    assert box.outbox == [LETTER]


async def test_stopping_does_not_wait_for_a_server_that_hangs_and_the_next_process_sends(db: AccountDatabase) -> None:
    box, carrier = MemoryMailer(), courier(db, Hanging())
    await carrier.start()
    await post(db, carrier)

    with anyio.fail_after(10):
        await carrier.stop(grace=0.05)
    await courier(db, box).settled()

    assert box.outbox == [LETTER]


async def test_a_courier_that_died_while_sending_leaves_the_mail_to_another_after_its_lease(
    db: AccountDatabase,
) -> None:
    clock, box = Clock(), MemoryMailer()
    async with db.write() as work:
        await courier(db, box, clock).post(work, LETTER)
        await work.outbox.take(now=clock.wall(), lease=120, most=8)

    await courier(db, box, clock).settled()
    before = list(box.outbox)
    clock.ahead += 121
    await courier(db, box, clock).settled()

    assert (before, box.outbox) == ([], [LETTER])


async def test_a_clock_that_jumps_back_delays_no_mail(db: AccountDatabase) -> None:
    clock, box = Clock(ahead=86_400), MemoryMailer()
    carrier = courier(db, box, clock)

    await post(db, carrier, ttl=100_000)
    clock.ahead = 0
    await carrier.settled()

    assert box.outbox == [LETTER]


async def test_a_mail_that_is_sent_twice_has_one_name(db: AccountDatabase) -> None:
    ids: list[str] = []

    class Losing:
        async def send(self, mail: Mail) -> None:
            ids.append(str(mail.message("accounts@example.com")["Message-ID"]))
            if len(ids) == 1:
                raise ConnectionResetError  # the server took it, and nobody heard that it did

    carrier = courier(db, Losing(), pause=0)
    await post(db, carrier)
    await carrier.settled()

    assert len(ids) == 2
    assert len(set(ids)) == 1
