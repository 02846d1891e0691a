"""The service: every part of accounts, built once from the settings, and its background work between start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.delete_account import purge_deleted
from fastness.accounts.flows.every import Flows, Parts
from fastness.accounts.journal import Journal
from fastness.accounts.ledger import Ledger
from fastness.accounts.letters import Letters
from fastness.accounts.mail import Mailer, mailer_for
from fastness.accounts.models import Work
from fastness.accounts.purge import purge
from fastness.accounts.revocation import RevocationFeed
from fastness.accounts.settings import ServiceSettings
from fastness.accounts.signing import SigningKeys
from fastness.accounts.throttle import Throttle
from fastness.accounts.user_keys import UserKeys
from fastness.controls.apikeys import ApiKeys
from fastness.controls.cookies import SessionCookie
from fastness.controls.limits import FallbackStore
from fastness.controls.passwords import Passwords
from fastness.controls.tokens import Revocations, TokenKeys, Tokens, TokenSettings
from fastness.core.clock import Clock, steady, wall
from fastness.core.errors import Refused, UnsafeConfiguration
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.keys import KeyRing
from fastness.core.store import CounterStore, MemoryStore
from fastness.counters import told_workers
from fastness.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import Table

_log = logging.getLogger("fastness.accounts")
_LEASE = 15.0
"""Seconds between renewals of this worker's lease; it lapses after three."""
_PURGE = 600.0
"""Seconds between two purges of what is expired."""


class Service:
    """The parts of the account service, and their life.

    Args:
        db: where accounts live; closed when the service stops.
        missing: what the operator reads when its tables are not there.
        tables: made at start where they are missing; none are unless they are given.
        ring: the application's secrets: they seal signing keys and key the throttle.
        tokens: issuer, audience and lifetime; the issuer must be set.
        store: counts sign-ins; memory of this process unless given.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        db: Database[Work],
        ring: KeyRing,
        tokens: TokenSettings,
        emit: Sink,
        missing: UnsafeConfiguration,
        tables: Sequence[Table] = (),
        mailer: Mailer | None = None,
        store: CounterStore | None = None,
        now: Clock = wall,
        ticks: Clock = steady,
    ) -> None:
        accounts, self._emit, self._now, self._ticks = settings.accounts, emit, now, ticks
        self.settings = settings
        self._store, self._missing, self._tables, self._ring = store, missing, tables, ring
        self.db = db
        self.passwords = Passwords(settings.passwords, emit=emit)
        self.mail = Courier(
            self.db, mailer or mailer_for(settings.mail), ring, emit=emit, now=now, capacity=settings.mail.queue
        )
        self.ledger = Ledger(ring)
        self.journal = Journal(
            self.db,
            self.ledger,
            emit=emit,
            now=now,
            queue=accounts.events.queue,
            per_minute=settings.security_events.per_minute,
            address=accounts.events.address,
            erase_deleted=accounts.events.erase_deleted,
            lasting=bool(settings.secret),
        )
        self.letters = Letters(accounts, service=_named(settings), folder=settings.mail.templates)
        self.signing = SigningKeys(self.db, ring, lasting=bool(settings.secret), now=now, emit=emit)
        revocations = Revocations(now=now)
        # Nothing is served before `start` puts the stored keys in the place of these.
        self.tokens = Tokens(TokenKeys.generate(), tokens, revocations=revocations, now=now)
        self.feed = RevocationFeed(
            self.db,
            revocations,
            horizon=float(tokens.max_lifetime + tokens.leeway),
            stale=accounts.revocation_stale,
            every_request=settings.profile == "strict" or accounts.session_check == "every_request",
            now=now,
            ticks=ticks,
        )
        counters = MemoryStore(now=ticks) if store is None else store
        self.throttle = Throttle(counters, ring, accounts.throttle, emit=emit, ticks=ticks)
        self.grants: dict[str, frozenset[str]] = {role: frozenset(own) for role, own in accounts.roles.items()}
        """Role -> permissions; an application may give more before the start."""
        kept = UserKeys(db, self.grants, accounts.unsafe_allow_unverified)
        self.keys = ApiKeys(kept, ring, settings.apikeys, counters=counters, emit=emit, now=now, ticks=ticks)
        self.flows = self._flows()
        self.cookie: SessionCookie | None = None
        """Writes the session cookie of browsers; None where they get none."""
        self._worker = secrets.token_hex(8)
        self._tasks: list[asyncio.Task[None]] = []
        self._alone_told = self._begun = False

    def _flows(self) -> Flows:
        return Parts(
            db=self.db,
            settings=self.settings,
            passwords=self.passwords,
            throttle=self.throttle,
            revocation=self.feed,
            tokens=self.tokens,
            mail=self.mail,
            letters=self.letters,
            keys=self.keys,
            roles=self.grants,
            ring=self._ring,
            service=_named(self.settings),
            emit=self._emit,
            now=self._now,
        ).flows()

    async def start(self) -> None:
        """Read keys and revocations, then begin to store events, to send mail and to watch the database.

        Raises:
            UnsafeConfiguration: tables are missing, or the stored keys do not open.
            Unavailable: the database does not answer.
        """
        try:
            await self._prepare()
        except BaseException:
            await self._close()  # nobody calls stop() after a start that failed
            raise
        self._begun = True
        if self.settings.accounts.events.stored:
            await self.journal.start()
        await self.mail.start()
        self._tasks = [
            asyncio.create_task(self._every(seconds, work), name=f"fastness {work.__name__}")
            for seconds, work in (
                (self.settings.accounts.revocation_interval, self._watch),
                (_LEASE, self._hold_lease),
                (_PURGE, self._purge),
            )
        ]

    async def _prepare(self) -> None:
        self.passwords.open()
        if self._tables:
            await self.db.create_tables(self._tables)
        if not await self.db.ready():
            raise self._missing
        self.tokens.replace_keys(await self.signing.load())
        await self.feed.poll()
        await self._hold_lease()

    async def stop(self) -> None:
        """Send and store what is queued, give the lease back, close the pools."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.mail.stop()
        await self.journal.stop()
        try:
            if self._begun:
                with contextlib.suppress(Refused):
                    async with self.db.write() as work:
                        await work.leases.release(self._worker)
        finally:
            self._begun = False
            await self._close()

    async def _close(self) -> None:
        self.passwords.close()
        await self.db.close()

    async def ready(self) -> bool:
        """Whether the database answers and this worker knows what ended."""
        return await self.db.ready() and (self.feed.fresh() or await self._polled())

    async def _polled(self) -> bool:
        try:
            await self.feed.poll()
        except Refused:
            return False
        return True

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        down = False
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
                if down and work == self._watch:
                    self._emit(Event(EventType.SYS_STORE_UP, details={"store": "database"}))
                down = False
            except Exception as error:  # noqa: BLE001 - the watch goes on, whatever one round meets
                if not down:
                    down = True
                    kind = type(error).__name__
                    _log.error("background work failed: %s: %s", getattr(work, "__name__", ""), kind)
                    if work == self._watch:  # the others would tell of the same outage
                        details = {"store": "database"}
                        self._emit(Event(EventType.SYS_STORE_DOWN, level=Level.CRITICAL, details=details))

    async def _watch(self) -> None:
        await self.feed.poll()
        keys = await self.signing.load()
        # Replacing empties the cache of verified tokens, so it happens only when something is different.
        if [key.kid for key in keys] != [key.kid for key in self.tokens.keys]:
            self.tokens.replace_keys(keys)

    async def _hold_lease(self) -> None:
        now = self._now()
        async with self.db.write() as work:
            await work.leases.hold(self._worker, now=now, ttl=3 * _LEASE)
            live = await work.leases.live(now)
        self.throttle.workers = max(live, told_workers())  # leases of workers that start now are still coming
        if live > 1 and self._store is None and not self._alone_told:
            self._alone_told = True
            _log.warning("%d workers count sign-ins apart from each other; give them one store", live)

    async def _purge(self) -> None:
        lasting, keep = bool(self.settings.secret), self.settings.accounts.events.keep_days * 86_400.0
        await purge(self.db, now=self._now(), ledger=self.ledger, keep=keep, broken=not lasting)
        await purge_deleted(self.db, now=self._now(), emit=self._emit)
        store = self._store.behind if isinstance(self._store, FallbackStore) else self._store
        if isinstance(store, SqlStore):
            await store.purge()


def _named(settings: ServiceSettings) -> str:
    """What mails call the service."""
    return settings.mail.service or urlsplit(settings.public_url).hostname or "this service"
