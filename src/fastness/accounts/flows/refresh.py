"""Refresh: a refresh token becomes its successor, once; a second use ends the whole family."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.issue import Issue, SignedIn, fingerprint
from fastness.accounts.flows.refusals import InvalidRefreshToken
from fastness.accounts.letters import Letters
from fastness.accounts.models import Account, Reused, Rotated, Work
from fastness.accounts.revocation import Notice, RevocationFeed
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink


@dataclass(frozen=True, slots=True)
class Refresh:
    """Rotation with reuse detection (RFC 9700 section 4.14.2; ASVS 10.4.5).

    Inside the grace a token that was just used gets the *same* successor again, for clients that lost the answer.
    """

    db: Database[Work]
    throttle: Throttle
    issue: Issue
    revocation: RevocationFeed
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def __call__(self, presented: str, client: Client) -> SignedIn:
        """New tokens for the same session.

        Raises:
            InvalidRefreshToken: unknown, expired, revoked or used before.
            TooManyRequests: too many refreshes from this address.
            Unavailable: the database does not answer.
        """
        await self.throttle.by_address("refresh_address", client.key)

        async def rotated(work: Work) -> tuple[Rotated | Reused | None, Account | None, Notice | None]:
            outcome = await work.sessions.rotate(
                presented, now=self.now(), grace=self.settings.refresh_grace, idle=self.settings.session_idle
            )
            account = await self._owner(work, outcome) if isinstance(outcome, Rotated) else None
            notice = await self._ended(work, outcome, client) if isinstance(outcome, Reused) else None
            return outcome, account, notice

        outcome, account, notice = await self.db.write_at_once(rotated)
        # Only now: what a reuse ends must be committed, and a refusal would roll it back.
        match outcome:
            case Rotated() if account is not None:
                return self._renewed(account, outcome)
            case Reused() if notice is not None:
                notice.apply()
                self.mail.wake()
                details = {"sid_hash": fingerprint(outcome.session_id)}
                self.emit(
                    Event(EventType.AUTHN_TOKEN_REUSE, who=outcome.user_id, level=Level.CRITICAL, details=details)
                )
                raise InvalidRefreshToken("used before: the family is revoked")
            case _:
                raise InvalidRefreshToken("unknown, expired or revoked")

    async def _ended(self, work: Work, reused: Reused, client: Client) -> Notice:
        account = await work.users.by_id(reused.user_id)
        if account is not None:
            letter = self.letters.session_reused(account.email, at=self.now(), address=client.address)
            await self.mail.post(work, letter)
        return await self.revocation.end_session(work, reused.session_id)

    async def _owner(self, work: Work, rotated: Rotated) -> Account | None:
        account = await work.users.by_id(rotated.user_id)
        if account is None or account.suspended:
            await work.sessions.close(rotated.session_id, now=self.now())
            return None
        return account

    def _renewed(self, account: Account, rotated: Rotated) -> SignedIn:
        self.emit(
            Event(EventType.SESSION_RENEWED, who=account.id, details={"sid_hash": fingerprint(rotated.session_id)})
        )
        life = self.issue.life(now=self.now(), ends=rotated.expires_at)
        token = self.issue.access_token(
            account, rotated.session_id, authenticated_at=rotated.authenticated_at, methods=rotated.methods, life=life
        )
        return SignedIn(token, life, rotated.refresh_token)
