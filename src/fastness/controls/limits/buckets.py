"""Limits compiled for one route: which counters a request hits, in which order, with their headers prebuilt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastness.controls.limits.declaration import Limit
from fastness.core.exchange import Header
from fastness.core.store import Hit, Rate


@dataclass(frozen=True, slots=True)
class Bucket:
    """One counter for each caller."""

    prefix: str
    """The counter's key without the caller."""
    rate: Rate
    label: str
    """What events and RateLimit fields call it."""
    declared: Limit | None
    policy: Header
    item: bytes

    @property
    def strict(self) -> bool:
        """Whether it guards sign-in or codes, so that an outage of the store must not multiply it by the workers."""
        return self.declared is not None and self.declared.hidden

    @classmethod
    def of(cls, prefix: str, rate: Rate, label: str, declared: Limit | None = None) -> Bucket:
        """A bucket with its RateLimit-Policy field built once (RFC 9651 strings; labels hold no quote)."""
        policy = f'"{label}";q={rate.limit};w={-(-rate.window // 1_000_000)}'
        # The rate is part of the key: two windows on one route never share a counter.
        return cls(
            f"{prefix}:{rate}:", rate, label, declared, (b"ratelimit-policy", policy.encode()), f'"{label}"'.encode()
        )

    def fields(self, hit: Hit) -> tuple[Header, Header]:
        """RateLimit-Policy and RateLimit after `hit` (draft-ietf-httpapi-ratelimit-headers-11)."""
        # Retry-After must not be earlier than `t`, so a refusal states the same seconds in both.
        seconds = -(-(hit.reset_after if hit.allowed else hit.retry_after) // 1)
        return self.policy, (b"ratelimit", b"%b;r=%d;t=%d" % (self.item, hit.remaining, max(seconds, 1)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What one request to one route hits, in order. The first refusal ends it."""

    buckets: tuple[Bucket, ...]
    shown: bool
    """Whether the answer says how much is left."""


def declared(kind: str, limits: Iterable[Limit], rule: Any) -> tuple[Bucket, ...]:
    """The buckets of a route's declared limits; two that count the same thing become one."""
    # All methods of the route together: one that takes two must not have two counts.
    methods = ",".join(sorted(rule.methods or ()))
    found: dict[str, Bucket] = {}
    for limit in limits:
        scope = f"name {limit.name}" if limit.name is not None else f"route {methods} {rule.path}"
        label = limit.name or f"{limit.rate} by {limit.by}"
        bucket = Bucket.of(f"{kind} {scope}", limit.rate, label, limit)
        found.setdefault(bucket.prefix, bucket)
    return tuple(found.values())


def shown(rule: Any) -> bool:
    """Whether the route declares limits and none asks to stay hidden. The defaults are shown only when they refuse."""
    limits = (*rule.limits_by_address, *rule.limits_by_user)
    return bool(limits) and not any(limit.hidden for limit in limits)
