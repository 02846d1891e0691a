"""The two places of the chain where requests are counted: by address before the body, by user after sign-in."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable
from typing import Any, ClassVar, Literal

from fastness.controls.limits.buckets import Bucket, Plan, declared, shown
from fastness.controls.limits.fallback import FallbackStore
from fastness.controls.limits.settings import LimitSettings
from fastness.core.address import client_key
from fastness.core.declare import provides
from fastness.core.errors import TooManyRequests, UnsafeConfiguration
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Header, Quiet
from fastness.core.store import CounterStore, Hit, MemoryStore, Rate

_NOTE = "fastness.ratelimit"
_ONCE_A_MINUTE = Rate(1, 60.0)
_MOST_PLANS = 10_000


class _Counting(Quiet):
    """What both elements share: one pass over a plan's buckets, synchronous as long as the store is."""

    _kind: ClassVar[Literal["address", "user"]]

    def __init__(
        self,
        settings: LimitSettings | None = None,
        store: CounterStore | None = None,
        emit: Sink = silent,
        *,
        key: bytes | None = None,
    ) -> None:
        """`key` is the secret under which callers are named in a shared store, where no address is ever written."""
        settings = settings or LimitSettings()
        self.only_logs = settings.mode == "log"
        """Whether nothing is refused."""
        self._refuse = self._report if self.only_logs else self._raise
        # An answer that states a limit which nobody keeps would mislead its reader.
        self._visible = settings.headers and not self.only_logs
        rate = settings.per_address if self._kind == "address" else settings.per_user
        self._every = _default(f"{self._kind} routes", rate, f"per-{self._kind}")
        self._unmatched = Plan(_default(f"{self._kind} unmatched", rate, "unmatched"), shown=False)
        self._shared = store is not None and not isinstance(store, MemoryStore)
        if store is None or isinstance(store, MemoryStore | FallbackStore):
            self._store: CounterStore = MemoryStore() if store is None else store
        else:
            self._store = FallbackStore(store, emit)
        self._strict = self._store.strict if isinstance(self._store, FallbackStore) else self._store
        self._emit, self._key = emit, key
        self._digest = self._shared or key is not None
        # Where nobody reads the count, memory is asked only whether the hit passes; a refused one is asked again.
        self._passes = self._store.passes if isinstance(self._store, MemoryStore) and not self._digest else None
        self._reported = MemoryStore(capacity=10_000)
        self._plans: dict[int, tuple[Any, tuple[Plan, Plan]]] = {}

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:  # noqa: ARG002 - every control's signature
        """What is unsafe about this element's set-up."""
        if self._shared and not self._key:
            return [
                UnsafeConfiguration(
                    "limits share a store without a key",
                    where=type(self).__name__,
                    why="names of counters are digests of client addresses that anyone with the data can guess",
                    fix='pass key=, for example KeyRing(...).current("limits")',
                )
            ]
        return []

    def leave(self, exchange: Exchange, headers: list[Header], /) -> None:
        """State the tightest limit that this request hit; the inner of the two elements does it for both."""
        if exchange.outer is not None:  # a chain around this one states the tightest of both
            return
        noted: tuple[Bucket, Hit] | None = exchange.scope.pop(_NOTE, None)
        if noted is not None:
            headers.extend(noted[0].fields(noted[1]))

    def _plans_of(self, rule: Any) -> tuple[Plan, Plan]:
        known = self._plans.get(id(rule))
        if known is not None:
            return known[1]
        if len(self._plans) >= _MOST_PLANS:  # rules of a route tree that changes all the time
            self._plans.clear()
        plans = self._compiled(rule)
        self._plans[id(rule)] = (rule, plans)  # holding the rule keeps its id its own
        return plans

    def _compiled(self, rule: Any) -> tuple[Plan, Plan]:
        raise NotImplementedError

    def _count(self, exchange: Exchange, plan: Plan, subject: str, start: int = 0) -> Awaitable[None] | None:
        buckets = plan.buckets
        passes = self._passes if not plan.shown else None
        for index in range(start, len(buckets)):
            bucket = buckets[index]
            name = bucket.prefix + subject
            if passes is not None and passes(name, bucket.rate):
                continue
            store = self._strict if bucket.strict else self._store
            hit = store.hit(self._named(name) if self._digest else name, bucket.rate)
            if not isinstance(hit, Hit):
                return self._count_later(exchange, plan, subject, index, hit)
            if plan.shown:
                _note(exchange, bucket, hit)
            if not hit.allowed:
                self._refuse(exchange, bucket, name, hit)
        return None

    async def _count_later(
        self, exchange: Exchange, plan: Plan, subject: str, index: int, waiting: Awaitable[Hit]
    ) -> None:
        bucket, hit = plan.buckets[index], await waiting
        if plan.shown:
            _note(exchange, bucket, hit)
        if not hit.allowed:
            self._refuse(exchange, bucket, bucket.prefix + subject, hit)
        rest = self._count(exchange, plan, subject, index + 1)
        if rest is not None:
            await rest

    def _report(self, exchange: Exchange, bucket: Bucket, name: str, _: Hit) -> None:
        # Once a minute for each counter: a flood of requests must not become a flood of events.
        if self._reported.hit(name, _ONCE_A_MINUTE).allowed:
            who = exchange.principal.id if exchange.principal is not None else None
            details = {"enforced": False} if self.only_logs else {}
            kind = EventType.EXCESS_RATE_LIMIT_EXCEEDED
            self._emit(Event(kind, who=who, level=Level.WARN, reason=bucket.label, details=details))

    def _raise(self, exchange: Exchange, bucket: Bucket, name: str, hit: Hit) -> None:
        self._report(exchange, bucket, name, hit)
        if self._visible and not (bucket.declared is not None and bucket.declared.hidden):
            _note(exchange, bucket, hit)
        wait = bucket.declared.wait(hit.retry_after) if bucket.declared is not None else hit.retry_after
        raise TooManyRequests(bucket.label, retry_after=wait)

    def _named(self, name: str) -> str:
        return "limits:" + hmac.digest(self._key or b"limits", name.encode("utf-8", "replace"), "sha256")[:20].hex()


@provides("limits")
class AddressLimits(_Counting):
    """Counts by client address, before the body is read.

    The default limit is one count per address for all routes together, and another for all paths that no route
    matches; then come the limits that the route declares by address. The first that refuses ends it; those after it are
    not consumed.
    """

    _kind = "address"

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Count this request, or raise TooManyRequests."""
        rule = exchange.rule
        plan = self._unmatched if rule is None else self._plans_of(rule)[0]
        subject = exchange.client_key
        return self._count(exchange, plan, client_key(subject) if ":" in subject else subject)

    def _compiled(self, rule: Any) -> tuple[Plan, Plan]:
        plan = Plan(self._every + declared("address", rule.limits_by_address, rule), self._visible and shown(rule))
        return plan, plan


@provides("limits")
class UserLimits(_Counting):
    """Counts by verified caller, once the chain knows who it is.

    The default limit is one count per user for all routes together. A limit declared by user counts a request that
    nobody signed in for by its address.
    """

    _kind = "user"

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Count this request, or raise TooManyRequests."""
        exchange.limited = True
        rule, who = exchange.rule, exchange.principal
        if rule is None:
            return self._count(exchange, self._unmatched, who.id) if who is not None else None
        users, strangers = self._plans_of(rule)
        if who is not None:
            return self._count(exchange, users, who.id)
        if not strangers.buckets:
            return None
        subject = exchange.client_key
        return self._count(exchange, strangers, client_key(subject) if ":" in subject else subject)

    def _compiled(self, rule: Any) -> tuple[Plan, Plan]:
        visible = self._visible and shown(rule)
        users = self._every + declared("user", rule.limits_by_user, rule)
        return Plan(users, visible), Plan(declared("stranger", rule.limits_by_user, rule), visible)


def _note(exchange: Exchange, bucket: Bucket, hit: Hit) -> None:
    while exchange.outer is not None:
        exchange = exchange.outer
    noted: tuple[Bucket, Hit] | None = exchange.scope.get(_NOTE)
    if noted is None or hit.remaining < noted[1].remaining or not hit.allowed:
        exchange.scope[_NOTE] = (bucket, hit)


def _default(scope: str, rate: str, label: str) -> tuple[Bucket, ...]:
    return (Bucket.of(scope, Rate.parse(rate), label),) if rate else ()
