"""Finds the caller by an API key, in the chain and beside other kinds of credentials."""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from pydantic import SecretStr

from fastness.controls.apikeys.settings import ApiKeySettings
from fastness.controls.apikeys.text import KeyText
from fastness.controls.apikeys.uses import Uses
from fastness.core.api_keys import ApiKey, ApiKeyStore
from fastness.core.clock import Clock, steady, wall
from fastness.core.declare import provides
from fastness.core.errors import (
    BadRequest,
    InsufficientScope,
    InvalidToken,
    TooManyRequests,
    TwoIdentities,
    Unavailable,
)
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange
from fastness.core.keys import KeyRing
from fastness.core.principal import Principal
from fastness.core.store import CounterStore, Hit, MemoryStore, Rate

T = TypeVar("T")

_MOST_CACHED = 4096
_DAY = 86_400
_LONGEST_NAME = 100
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")
_ONCE_A_MINUTE = Rate(1, 60.0)


class InvalidApiKey(InvalidToken):
    """A key was sent and is not good. Unknown, expired and disabled keys, and typos, look alike from outside."""

    code: ClassVar[str] = "invalid_api_key"
    public: ClassVar[str] = "The API key is not valid."


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key: `key` is shown to its owner once and never again, `record` is what is stored."""

    key: SecretStr
    record: ApiKey


@dataclass(frozen=True, slots=True)
class _Known:
    key: ApiKey
    caller: Principal
    until: float
    rate: Rate | None
    counter: str
    """Its name holds the rate: a key whose rate was changed begins anew."""


@provides("apikeys")
class ApiKeys:
    """An authenticator: `X-API-Key: <key>` or `Authorization: Bearer <key>`, and nowhere else (ASVS 5.0 14.2.1).

    A key that was disabled or removed is refused within `cache_seconds`, at most one, in every worker, and at once
    where `forget` is called. Only keys that exist are cached, so forged ones push none out. Put it before `Bearer`,
    which would take every bearer credential for a token.
    """

    def __init__(
        self,
        store: ApiKeyStore,
        ring: KeyRing,
        settings: ApiKeySettings | None = None,
        *,
        counters: CounterStore | None = None,
        emit: Sink = silent,
        now: Clock = wall,
        ticks: Clock = steady,
        timeout: float = 2.0,
    ) -> None:
        """`counters` counts what each key may do; this process's memory unless given. `timeout` of the store, seconds.

        Raises:
            UnsafeConfiguration: for a prefix or header that is none.
        """
        chosen = settings or ApiKeySettings()
        for problem in chosen.problems(production=False):
            raise problem
        self.problems = chosen.problems
        self.header = chosen.header.lower()
        """The request header that carries a key; empty when only `Authorization` does."""
        self._text = KeyText(chosen.prefix, chosen.older_prefixes)
        self._name, self._bearer, self.days = self.header.encode(), chosen.bearer, chosen.days
        self._rate = Rate.parse(chosen.per_key) if chosen.per_key else None
        self._secrets = ring.every("apikeys")
        self._store, self._emit, self._now, self._ticks = store, emit, now, ticks
        self._counters: CounterStore = MemoryStore() if counters is None else counters
        self._timeout, self._cached = timeout, chosen.cache_seconds
        self._known: dict[bytes, _Known] = {}
        self._uses = Uses(store, now=now, timeout=timeout)
        self._reported = MemoryStore(capacity=10_000)
        self._down = False

    def __call__(self, exchange: Exchange) -> Principal | Awaitable[Principal] | None:
        """The caller, or None when the request carries no key.

        Raises:
            InvalidApiKey: the key is not good.
            TooManyRequests: the key's own limit is reached.
            BadRequest: a header that may come once came twice, or both headers carry a key (`TwoIdentities`).
        """
        sent = exchange.headers.get(self._name) if self._name else None
        token = self._in_authorization(exchange)
        if sent is None:
            if token is None:
                return None
            name, raw = b"authorization", token
        elif token is None:
            name, raw = self._name, sent
        else:
            raise TwoIdentities("a key in each of two headers")
        if len(exchange.headers) != len(exchange.scope["headers"]) and exchange.repeated(name):
            raise BadRequest(f"more than one {name.decode()} header")
        digest = hmac.digest(self._secrets[0], raw, "sha256")
        known = self._known.get(digest)
        if known is not None and self._ticks() < known.until:
            return self._admit(known, name)
        if not self._text.is_key(raw):
            raise self._invalid("not written as a key", name)
        return self._find(raw, digest, name)

    def carrier(self, exchange: Exchange) -> str | None:
        """Where the credential is: a request with credentials in two places is refused."""
        if self._name and self._name in exchange.headers:
            return self.header
        return "authorization" if self._in_authorization(exchange) is not None else None

    async def mint(
        self,
        owner: str,
        *,
        scopes: Iterable[str],
        within: Iterable[str],
        name: str = "",
        days: int | None = None,
        rate: Rate | None = None,
    ) -> MintedKey:
        """Make and store a key. Arguments and errors are those of `make`."""
        minted = self.make(owner, scopes=scopes, within=within, name=name, days=days, rate=rate)
        await self._store.add(minted.record)
        self._emit(Event(EventType.AUTHN_TOKEN_CREATED, who=owner, reason="api key", details={"id": minted.record.id}))
        return minted

    def make(
        self,
        owner: str,
        *,
        scopes: Iterable[str],
        within: Iterable[str],
        name: str = "",
        days: int | None = None,
        rate: Rate | None = None,
    ) -> MintedKey:
        """A key, not stored yet, that acts for `owner` with these scopes, which must all be `within` the owner's own.

        Raises:
            InsufficientScope: a scope is not within: a key never grows beyond who makes it.
            ValueError: `days` is less than one or more than the setting, a scope is none (RFC 6749 section 3.3), or the
                name is longer than a hundred characters or not printable.
        """
        asked, held = frozenset(scopes), frozenset(within)
        if not all(_SCOPE.fullmatch(scope) for scope in asked):
            raise ValueError("a scope is printable ASCII without spaces, quotes and backslashes")
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise ValueError("the name of a key is printable and at most a hundred characters long")
        if not asked <= held:
            raise InsufficientScope(f"{owner} asked for a key with {sorted(asked - held)}")
        if not 1 <= (lives := self.days if days is None else days) <= self.days:
            raise ValueError(f"a key lives for one day to {self.days}")
        key, now = self._text.new(), self._now()
        record = ApiKey(
            id=f"key_{secrets.token_hex(10)}",
            owner=owner,
            digest=hmac.digest(self._secrets[0], key.encode(), "sha256"),
            scopes=asked,
            name=name,
            hint=f"{key[: key.rindex('_')]}_...{key[-4:]}",
            created_at=now,
            expires_at=now + lives * _DAY,
            rate=rate,
        )
        return MintedKey(SecretStr(key), record)

    def digests(self, found: str) -> tuple[bytes, ...]:
        """Under which digests the store may hold what somebody found; none when it is not written as a key of ours."""
        raw = found.encode("utf-8", "surrogatepass")
        return tuple(hmac.digest(secret, raw, "sha256") for secret in self._secrets) if self._text.is_key(raw) else ()

    def forget(self, key_id: str) -> None:
        """Ask the store about this key at its next request: call it where a key was disabled, changed or removed."""
        for digest in [digest for digest, known in self._known.items() if known.key.id == key_id]:
            del self._known[digest]

    async def close(self) -> None:
        """Wait until the last uses are written."""
        await self._uses.written()

    def _in_authorization(self, exchange: Exchange) -> bytes | None:
        raw = exchange.headers.get(b"authorization") if self._bearer else None
        if raw is None or raw[:7].lower() != b"bearer ":
            return None
        token = raw[7:].strip(b" ")
        return token if self._text.has_prefix(token) else None

    async def _find(self, raw: bytes, digest: bytes, name: bytes) -> Principal:
        asked, key, older = self._ticks(), None, False
        for secret in self._secrets:
            candidate = hmac.digest(secret, raw, "sha256")
            key = await self._answer(self._store.find(candidate))
            if key is not None and hmac.compare_digest(key.digest, candidate):
                older = candidate != digest
                break
        else:
            raise self._invalid("unknown", name)
        # Counted from before the store was asked: an answer may be older than its arrival.
        rate = key.rate or self._rate
        known = _Known(key, _principal(key), asked + self._cached, rate, f"apikeys:{rate}:{key.id}")
        if len(self._known) >= _MOST_CACHED:
            self._known.pop(next(iter(self._known)))
        self._known[digest] = known
        admitted = self._admit(known, name)
        caller = admitted if isinstance(admitted, Principal) else await admitted
        self._uses.note(key, digest if older else None)
        return caller

    def _admit(self, known: _Known, name: bytes) -> Principal | Awaitable[Principal]:
        key = known.key
        if key.disabled:
            raise self._invalid(f"{key.id} is disabled", name)
        if key.expires_at is not None and key.expires_at <= self._now():
            raise self._invalid(f"{key.id} has expired", name)
        if known.rate is None:
            return known.caller
        hit = self._counters.hit(known.counter, known.rate)
        return self._counted(known, hit) if isinstance(hit, Hit) else self._counted_later(known, hit)

    async def _counted_later(self, known: _Known, waiting: Awaitable[Hit]) -> Principal:
        return self._counted(known, await self._answer(waiting))

    def _counted(self, known: _Known, hit: Hit) -> Principal:
        if hit.allowed:
            return known.caller
        if self._reported.hit(known.key.id, _ONCE_A_MINUTE).allowed:
            details = {"id": known.key.id}
            self._emit(
                Event(EventType.EXCESS_RATE_LIMIT_EXCEEDED, who=known.key.owner, level=Level.WARN,
                      reason="per-api-key", details=details)
            )  # fmt: skip
        raise TooManyRequests("per-api-key", retry_after=hit.retry_after)

    async def _answer(self, waiting: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                found = await waiting
        except Exception as error:
            if not self._down:
                self._down = True
                # The class only: a driver's message may hold the address of the database, or its password.
                kind = type(error).__name__
                self._emit(Event(EventType.SYS_STORE_DOWN, level=Level.CRITICAL, reason=f"api keys: {kind}"))
            # Fail closed: whoever cannot be looked up is not let in.
            raise Unavailable("the store of API keys does not answer") from error
        self._down = False
        return found

    def _invalid(self, reason: str, name: bytes) -> InvalidApiKey:
        # RFC 9110 section 11.6.1: a 401 names a challenge. Keys have no registered one; FastAPI's own says APIKey.
        return InvalidApiKey(reason, headers=None if name == b"authorization" else {"WWW-Authenticate": "APIKey"})


def _principal(key: ApiKey) -> Principal:
    # No role, and authenticated at no time: whatever asks for a role or a recent sign-in refuses a key.
    until = float("inf") if key.expires_at is None else key.expires_at
    return Principal(key.owner, permissions=key.scopes, token=key.id, expires_at=until, scheme="apikey")
