"""Reauthenticate: a signed-in caller proves again who they are, and the session counts as fresh (RFC 9470)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.factor_proof import FactorProof, Given
from fastness.accounts.flows.issue import Issue
from fastness.accounts.flows.prove_again import ProveAgain
from fastness.accounts.flows.refusals import InvalidFactor
from fastness.accounts.models import Account, Work
from fastness.accounts.throttle import Throttle
from fastness.core.clock import Clock
from fastness.core.errors import InvalidToken, StepUpRequired
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class Fresh:
    """The session goes on, proved now. `access_token` is for callers who sent one."""

    access_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Reauthenticate:
    """Where the account has a second factor, only that is proof enough; the password alone is for those without."""

    db: Database[Work]
    prove: ProveAgain
    proof: FactorProof
    throttle: Throttle
    issue: Issue
    max_age: int
    emit: Sink
    now: Clock

    async def __call__(
        self, who: Principal, client: Client, *, password: SecretStr | None = None, given: Given | None = None
    ) -> Fresh:
        """A fresh access token of the same session.

        Raises:
            WrongPassword, InvalidFactor: the proof is not good.
            StepUpRequired: a password was given, and the account has a factor.
            TooManyRequests: too many tries.
            InvalidToken: the account is gone, or the session ended meanwhile.
            Unavailable: too many hashes are waiting, or the database does not answer.
        """
        async with self.db.read() as work:
            account = await work.users.by_id(who.id)
            has_factor = bool(await work.factors.confirmed(who.id))
        if account is None or who.session is None:
            raise InvalidToken("no session to prove again")
        if given is None and has_factor:
            raise StepUpRequired(max_age=self.max_age, mfa=True)
        if given is None:
            account = await self.prove.with_password(who, password or SecretStr(""), to="prove again")
        else:
            await self.throttle.by_factor(who.id)
        methods: tuple[str, ...] | None = ("pwd",)
        ends: float | None = None
        async with self.db.write() as work:
            await self.prove.still(work, who, account)
            if given is not None:
                found = await self.proof.accept(work, account, given, client, self.proof.passkeys.in_session(who))
                methods = None if found is None else (*found, "mfa")
            if methods is not None:
                methods = tuple(dict.fromkeys((*who.methods, *methods)))
                ends = await work.sessions.prove_again(who.session, now=self.now(), methods=methods)
                if ends is None:
                    raise InvalidToken("the session ended meanwhile")
        if methods is None:
            details = {"purpose": "mfa"}
            self.emit(Event(EventType.AUTHN_CODE_FAIL, who=who.id, level=Level.WARN, details=details))
            raise InvalidFactor
        if given is not None:
            await self.throttle.forgive_factor(who.id)
        self.emit(Event(EventType.AUTHN_REAUTHENTICATE, who=who.id, details={"methods": " ".join(methods)}))
        return self._fresh(account, who.session, methods, ends or self.now())

    async def passkey_options(self, who: Principal) -> dict[str, Any]:
        """For the browser, with the caller's passkeys. The answer counts for this session alone.

        Raises:
            NoSuchFactor: the caller has no passkey.
            InvalidToken: there is no session to prove again.
        """
        if who.session is None:
            raise InvalidToken("no session to prove again")
        async with self.db.read() as work:
            return await self.proof.passkeys.options(work, who.id, self.proof.passkeys.in_session(who))

    def _fresh(self, account: Account, session: str, methods: tuple[str, ...], ends: float) -> Fresh:
        life = self.issue.life(now=self.now(), ends=ends)
        token = self.issue.access_token(account, session, authenticated_at=self.now(), methods=methods, life=life)
        return Fresh(token, life)
