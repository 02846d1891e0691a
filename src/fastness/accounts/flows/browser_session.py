"""Browser session: the id in a cookie becomes the caller, from memory most of the time, and gets a successor."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.issue import SignedInBrowser, fingerprint
from fastness.accounts.flows.refusals import InvalidRefreshToken
from fastness.accounts.letters import Letters
from fastness.accounts.models import Account, Live, Reused, Rotated, Work
from fastness.accounts.models.session_tokens import family_of
from fastness.accounts.revocation import Notice, RevocationFeed
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal

_REMEMBERED = 10_000
"""Sessions of one generation that a worker keeps in memory; two generations are kept."""


@dataclass(frozen=True, slots=True)
class _Memory:
    young: dict[bytes, Principal] = field(default_factory=dict[bytes, Principal])
    old: dict[bytes, Principal] = field(default_factory=dict[bytes, Principal])

    def get(self, cookie: bytes) -> Principal | None:
        return self.young.get(cookie) or self.old.get(cookie)

    def put(self, cookie: bytes, who: Principal) -> None:
        if len(self.young) >= _REMEMBERED:
            self.old.clear()
            self.old.update(self.young)
            self.young.clear()
        self.young[cookie] = who


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Reads a session's row and account once in `lifetime` seconds; in between memory answers.

    Memory is asked as an access token is: whatever ends a session, an account's role or the id itself counts at once here
    and within a second elsewhere, and when nobody can tell, the row is read. Reading also keeps the session alive.
    """

    db: Database[Work]
    throttle: Throttle
    revocation: RevocationFeed
    mail: Courier
    letters: Letters
    settings: AccountSettings
    roles: Mapping[str, Sequence[str]]
    lifetime: float
    """Seconds."""
    emit: Sink
    now: Clock
    _memory: _Memory = field(default_factory=_Memory)

    def __call__(self, cookie: bytes) -> Principal | Awaitable[Principal | None] | None:
        """Who this cookie speaks for, None for nobody.

        Raises:
            Unavailable: the database does not answer.
        """
        who = self._memory.get(cookie)
        if who is not None and who.expires_at > self.now() and self.revocation.trusted(who):
            return who
        text = cookie.decode("latin-1")
        return None if family_of(text, "cookie") is None else self._read(cookie, text)

    async def _read(self, cookie: bytes, text: str) -> Principal | None:
        now = self.now()
        async with self.db.read() as work:
            live = await work.sessions.browser.find(text, now=now, grace=self.settings.refresh_grace)
            account = await work.users.by_id(live.user_id) if live is not None else None
        if live is None or account is None or account.suspended:
            return None
        ends: float | None = live.ends
        if now - live.last_used_at >= self._every / 2:
            async with self.db.write() as work:
                ends = await work.sessions.browser.touch(live.session_id, now=now, idle=self.settings.session_idle)
        if ends is None:
            return None
        who = self._principal(account, live, fingerprint(text), until=min(ends, now + self._every))
        self._memory.put(cookie, who)
        return who

    @property
    def _every(self) -> float:
        return min(self.lifetime, self.settings.session_idle / 4)

    def _principal(self, account: Account, live: Live, name: str, *, until: float) -> Principal:
        return Principal(
            account.id,
            roles=frozenset((account.role,)),
            permissions=frozenset(self.roles.get(account.role, ())),
            session=live.session_id,
            token=name,
            version=account.version,
            authenticated_at=live.authenticated_at,
            methods=live.methods,
            expires_at=until,
            scheme="cookie",
        )

    async def renew(self, cookie: str, client: Client) -> SignedInBrowser:
        """Another id for the same session; the one before counts for a few seconds more.

        A second use of an id that was replaced earlier ends the session, for whoever holds it.

        Raises:
            InvalidRefreshToken: unknown, over, or replaced before.
            TooManyRequests: too many refreshes from this address.
            Unavailable: the database does not answer.
        """
        await self.throttle.by_address("refresh_address", client.key)
        now = self.now()
        notice: Notice | None = None
        async with self.db.write() as work:
            outcome = await work.sessions.rotate(
                cookie, now=now, grace=self.settings.refresh_grace, idle=self.settings.session_idle, form="cookie"
            )
            match outcome:
                case Rotated():
                    notice = await self.revocation.end_token(work, fingerprint(cookie))
                case Reused():
                    notice = await self._ended(work, outcome, client)
                case None:
                    pass
        if notice is not None:
            notice.apply()
        match outcome:
            case Rotated():
                details = {"sid_hash": fingerprint(outcome.session_id)}
                self.emit(Event(EventType.SESSION_RENEWED, who=outcome.user_id, details=details))
                left = max(1, int(outcome.expires_at - now))
                return SignedInBrowser(outcome.refresh_token, left, outcome.session_id)
            case Reused():
                self.mail.wake()
                details = {"sid_hash": fingerprint(outcome.session_id)}
                self.emit(
                    Event(EventType.AUTHN_TOKEN_REUSE, who=outcome.user_id, level=Level.CRITICAL, details=details)
                )
                raise InvalidRefreshToken("a replaced cookie was used: the session is over")
            case None:
                raise InvalidRefreshToken("unknown or over")

    async def _ended(self, work: Work, reused: Reused, client: Client) -> Notice:
        account = await work.users.by_id(reused.user_id)
        if account is not None:
            letter = self.letters.session_reused(account.email, at=self.now(), address=client.address)
            await self.mail.post(work, letter)
        return await self.revocation.end_session(work, reused.session_id)
