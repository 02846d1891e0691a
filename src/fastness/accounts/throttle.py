"""Sign-in throttling: count first, then hash; slow strangers down, never lock the owner out.

Three buckets look at every sign-in: the client's address, the account, and everybody together. A device that signed
in before has its own bucket instead of the last two, so a stranger who guesses at an account slows himself and not
its owner (OWASP Authentication cheat sheet; NIST SP 800-63B-4 section 3.2.2; ASVS 6.3.1). Keys are HMACs: the store
never sees an e-mail address or an IP address. When the store is gone, this process allows its share by itself: never
unlimited, never a 500.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from fastness.controls.limits import FallbackStore
from fastness.core.clock import Clock, steady
from fastness.core.errors import TooManyRequests
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.keys import KeyRing
from fastness.core.store import CounterStore, Hit, MemoryStore, Rate

_COARSE = (60, 300, 900, 3600)
"""Seconds. An exact Retry-After would tell a guesser when to come back (OWASP Bot Management cheat sheet)."""
_YEAR = 365 * 86_400.0


def _rate(text: str) -> str:
    Rate.parse(text)
    return text


RateText = Annotated[str, AfterValidator(_rate)]
MailKind = Literal["mail", "unasked_mail", "reset_mail", "magic_mail", "device_mail"]


class ThrottleSettings(BaseModel, frozen=True):
    """FASTNESS_ACCOUNTS__THROTTLE__*"""

    account: RateText = Field(default="5/minute", description="Sign-ins to one account from devices not seen before.")
    device: RateText = Field(default="5/minute", description="Sign-ins from one device that signed in before.")
    address: RateText = Field(default="10/minute", description="Sign-ins from one address (IPv6: one /64).")
    everyone: RateText = Field(
        default="1000/5 minutes", description="Sign-ins from all devices not seen before, together."
    )
    failures: int = Field(
        default=100,
        ge=5,
        le=100,
        description="Sign-ins to one account in a row without a success; then a new device needs a mailed code.",
    )
    register_address: RateText = Field(default="10/hour", description="Registrations from one address.")
    factor: tuple[RateText, ...] = Field(
        default=("5/5 minutes", "20/hour", "50/day"),
        min_length=1,
        max_length=5,
        description="Tries at the second factors of one account, all of them together, wherever they come from. Each rate "
        "counts by itself.",
    )
    code_address: RateText = Field(default="20/minute", description="E-mail codes tried from one address.")
    resend_address: RateText = Field(default="10/hour", description="Codes and links asked for from one address.")
    refresh_address: RateText = Field(default="120/minute", description="Refreshes from one address.")
    username: RateText = Field(default="20/hour", description="User names that one signed-in person tries to take.")
    leak_address: RateText = Field(default="60/minute", description="Reports of leaked API keys from one address.")
    reset_mail: RateText = Field(
        default="5/day",
        description="Mails with a code for a new password, to one person; more are dropped in silence. For each device that is known "
        "to be theirs as many again.",
    )
    magic_mail: RateText = Field(
        default="5/hour",
        description="Mails with a code that signs in, to one person; for each device that is known to be theirs as many again.",
    )
    device_mail: RateText = Field(
        default="10/hour", description="Mails with a code that confirms a new device, to one person."
    )
    mail: RateText = Field(
        default="5/hour",
        description="Mails to one person; more are dropped in silence. For each device that is known to be theirs as many again.",
    )


class TooManyFailures(TooManyRequests):
    """So many sign-ins failed in a row that a new device needs a mailed code. From outside it is any other 429."""


class Throttle:
    """Counts attempts on `store`, under keys that only the holder of `ring` can compute.

    A store that is no FallbackStore, and not this process's memory, gets one. `workers` divides the limits while each
    process counts alone, because the store is gone; it may be set later.
    """

    def __init__(
        self,
        store: CounterStore,
        ring: KeyRing,
        settings: ThrottleSettings | None = None,
        *,
        emit: Sink = silent,
        workers: int = 1,
        ticks: Clock = steady,
    ) -> None:
        self.settings = settings or ThrottleSettings()
        self._emit = emit
        if isinstance(store, FallbackStore):
            self._shared: FallbackStore | None = store
        else:
            self._shared = None if isinstance(store, MemoryStore) else FallbackStore(store, emit, now=ticks)
        self._store: CounterStore = store if self._shared is None else self._shared.strict
        self.workers = workers
        self._secret = ring.current("accounts.throttle")
        rates = self.settings
        self._rates = {
            name: Rate.parse(getattr(rates, name))
            for name in type(rates).model_fields
            if isinstance(getattr(rates, name), str)
        }
        self._factor = tuple(Rate.parse(rate) for rate in rates.factor)
        # One bucket that refills once a year is a count of failures in a row: only a success empties it.
        self._failures = Rate(rates.failures, _YEAR)

    @property
    def workers(self) -> int:
        """How many processes count."""
        return self._workers

    @workers.setter
    def workers(self, count: int) -> None:
        self._workers = count
        if self._shared is not None:
            self._shared.workers = count

    async def by_address(self, what: str, address: str) -> None:
        """Count one attempt of `what` (`"address"` is sign-in, else `"register_address"`, ...) from an address key.

        Raises:
            TooManyRequests: when the bucket is empty.
        """
        await self._spend(what, address, self._rates[what])

    async def by_account(self, canonical: str, *, device: str | None = None) -> None:
        """Count one sign-in to an account, whether it exists or not. `device` only when it is known to be the owner's.

        Raises:
            TooManyRequests: when a bucket is empty.
            TooManyFailures: when the account's failures in a row are used up.
        """
        if device is not None:
            await self._spend("device", f"{canonical}\0{device}", self._rates["device"])
            await self._spend_failures("device_failures", f"{canonical}\0{device}")
            return
        await self._spend("account", canonical, self._rates["account"])
        await self._spend_failures("failures", canonical)
        await self._spend("everyone", "", self._rates["everyone"])

    async def forgive(self, canonical: str, *, device: str | None = None, user_id: str | None = None) -> None:
        """Empty the buckets of the account that just signed in, and only those: resetting the address is a bypass."""
        if user_id is not None:
            await self._reset("user_failures", user_id)
        if device is not None:
            await self._reset("device", f"{canonical}\0{device}")
            await self._reset("device_failures", f"{canonical}\0{device}")
            return
        await self._reset("account", canonical)
        await self._reset("failures", canonical)

    async def by_user(self, user_id: str) -> None:
        """Count one password asked of a caller who is signed in, before the hash.

        Raises:
            TooManyRequests: when the bucket is empty.
            TooManyFailures: after as many in a row as at sign-in; the next sign-in, which a thief of tokens cannot
                make, empties that bucket.
        """
        await self._spend("account", f"id\0{user_id}", self._rates["account"])
        await self._spend_failures("user_failures", user_id)

    async def by_factor(self, user_id: str) -> None:
        """Count one try at any second factor of an account, before it is looked at.

        Raises:
            TooManyRequests: when one of the buckets is empty.
        """
        for number, rate in enumerate(self._factor):
            await self._spend(f"factor{number}", user_id, rate)

    async def forgive_factor(self, user_id: str) -> None:
        """Empty the shortest bucket after a success; the longer ones go on counting, so that nobody rides on the owner's."""
        await self._reset("factor0", user_id)

    async def may_mail(self, canonical: str, *, what: MailKind = "mail", device: str | None = None) -> bool:
        """Whether one more mail may go to this person. Asking counts; mails nobody asked for count apart.

        So do those that a device asks for which is known to be this person's: strangers cannot use them up.
        """
        rate = self._rates.get(what, self._rates["mail"])
        subject = canonical if device is None else f"{canonical}\0{device}"
        return (await self._hit(self._key(what, subject), rate)).allowed

    async def _spend(self, bucket: str, subject: str, rate: Rate) -> None:
        hit = await self._hit(self._key(bucket, subject), rate)
        if not hit.allowed:
            self._emit(
                Event(
                    EventType.EXCESS_RATE_LIMIT_EXCEEDED,
                    level=Level.WARN,
                    details={"bucket": bucket, "rate": str(rate)},
                )
            )
            raise TooManyRequests(f"bucket {bucket} is empty", retry_after=coarse(hit.retry_after))

    async def _spend_failures(self, bucket: str, subject: str) -> None:
        hit = await self._hit(self._key(bucket, subject), self._failures)
        if not hit.allowed:
            self._emit(Event(EventType.AUTHN_LOGIN_FAIL_MAX, level=Level.WARN, details={"bucket": bucket}))
            raise TooManyFailures(f"bucket {bucket} is empty", retry_after=_COARSE[0])

    async def _hit(self, key: str, rate: Rate) -> Hit:
        found = self._store.hit(key, rate)
        return found if isinstance(found, Hit) else await found

    async def _reset(self, bucket: str, subject: str) -> None:
        waiting = self._store.reset(self._key(bucket, subject))
        if waiting is not None:
            await waiting

    def _key(self, bucket: str, subject: str) -> str:
        return f"throttle:{bucket}:" + hmac.digest(self._secret, f"{bucket}\0{subject}".encode(), hashlib.sha256).hex()


def coarse(seconds: float) -> int:
    """The next larger of one minute, five, fifteen, an hour."""
    return next((step for step in _COARSE if seconds <= step), _COARSE[-1])
