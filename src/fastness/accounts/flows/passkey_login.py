"""Passkey login: a passkey alone becomes a session. Nobody says who they are, so nothing is told about anybody."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.issue import SignedIn, SignedInBrowser
from fastness.accounts.flows.open_session import Opening, OpenSession
from fastness.accounts.flows.passkey_proof import Ceremony, PasskeyProof
from fastness.accounts.flows.refusals import PasskeyRefused
from fastness.accounts.models import Account, Work
from fastness.accounts.models.session_tokens import Form
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.passkeys import InvalidPasskey
from fastness.controls.passkeys.answers import Answer
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser needs. The answer counts together with this flow alone."""

    flow: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PasskeyLogin:
    """The authenticator holds a key and knows its owner: two factors in one (NIST SP 800-63B-4 section 3.1.7).

    No passkey can be guessed, so that addresses are counted and accounts are not: nobody slows somebody else down.
    """

    db: Database[Work]
    proof: PasskeyProof
    throttle: Throttle
    open: OpenSession
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def options(self, client: Client) -> Asked:
        """A challenge for whoever asks. It reads nothing, so that it is the same for everybody.

        Raises:
            TooManyRequests: too many from this address.
        """
        await self.throttle.by_address("code_address", client.key)
        flow = secrets.token_urlsafe(32)
        return Asked(flow, self.proof.passkeys.to_prove("login", bound_to=flow))

    async def for_client(
        self, flow: str, given: Mapping[str, Any], client: Client, *, device_token: str | None = None
    ) -> SignedIn:
        """Tokens of a new session.

        Raises:
            PasskeyRefused: for every reason.
            TooManyRequests: too many tries from this address.
            Unavailable: the database does not answer.
        """
        return self.open.tokens(await self._signed_in(flow, given, client, device_token, "refresh"))

    async def for_browser(
        self, flow: str, given: Mapping[str, Any], client: Client, *, device_token: str | None = None
    ) -> SignedInBrowser:
        """The same, with a cookie. Raises as `for_client`."""
        return self.open.cookie(await self._signed_in(flow, given, client, device_token, "cookie"))

    async def _signed_in(
        self, flow: str, given: Mapping[str, Any], client: Client, device_token: str | None, form: Form
    ) -> Opening:
        await self.throttle.by_address("address", client.key)
        ceremony, who = Ceremony("login", flow), None
        try:
            answer = self.proof.passkeys.read(given, "login", bound_to=flow, named=True)
            who = await self._whose(answer)
            done = await self._open(who, answer, ceremony, client=client, device_token=device_token, form=form)
        except InvalidPasskey as refused:
            self.emit(Event(EventType.AUTHN_LOGIN_FAIL, who=who, level=Level.WARN, reason=f"passkey: {refused.reason}"))
            raise PasskeyRefused(refused.reason) from None
        await self.throttle.forgive(done.account.canonical, user_id=done.account.id)
        return self.open.done(done)

    async def _whose(self, answer: Answer) -> str:
        async with self.db.read() as work:
            found = await work.passkeys.find(answer.id)
        if found is None:
            raise InvalidPasskey("unknown")
        return found.user_id

    async def _open(
        self, user_id: str, answer: Answer, ceremony: Ceremony, *, client: Client, device_token: str | None, form: Form
    ) -> Opening:
        refused: InvalidPasskey | None = None
        async with self.db.write() as work:
            account = await work.users.hold(user_id)
            stored = await work.passkeys.find(answer.id)
            if account is None or not self._may_login(account) or stored is None or stored.user_id != account.id:
                raise InvalidPasskey("not allowed")
            try:
                methods = await self.proof.use(work, answer, stored, ceremony)
                known = device_token is not None and await work.devices.known(account.id, device_token, now=self.now())
                return await self.open.within(
                    work,
                    account,
                    client,
                    device_token=device_token if known else None,
                    form=form,
                    methods=(*methods, "mfa"),
                )
            except InvalidPasskey as error:
                refused = error  # only after the commit: the challenge is spent in that transaction
        raise refused

    def _may_login(self, account: Account) -> bool:
        return not account.suspended and (account.verified or self.settings.unsafe_allow_unverified)
