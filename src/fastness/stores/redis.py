"""Counters and one-time values in Redis or Valkey, exact for every process that shares it.

One Lua script decides a hit, in whole microseconds of Redis's own clock (the clocks of workers differ). Every key has a
time to live, so what is not used is gone by itself. One primary, perhaps with replicas behind a name or proxy; Redis
Cluster is not supported.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from fastness.core.clock import Clock
from fastness.core.errors import MissingExtra
from fastness.core.store import Hit, Rate
from fastness.stores.naming import bounded
from fastness.stores.pipe import Pipe, Place
from fastness.stores.wire import RedisAway, RedisRefused, RedisSlow

try:
    from redis.asyncio.connection import RedisSSLContext, SSLConnection, UnixDomainSocketConnection, parse_url
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtra("Redis", "redis") from error

__all__ = ["RedisAway", "RedisRefused", "RedisSlow", "RedisStore"]

# Numbers in Lua are doubles: exact to 2^53, and microseconds since 1970 reach that in 2255. `tostring` would round.
# A counter outlives its content by a second, since Redis's expiry goes by a clock of milliseconds.
_HIT = b"""
local interval, window, now, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), 3600000
if not now then
  local time = redis.call('TIME')
  now, kept = time[1] * 1000000 + time[2], 1000
end
local used = (tonumber(redis.call('GET', KEYS[1])) or now) - now
local allowed = used + interval <= window
if used < 0 then used = 0 end
if allowed then used = used + interval
elseif used > window then used = window
else return -used end
local ttl = string.format('%.0f', math.ceil(used / 1000) + kept)
redis.call('SET', KEYS[1], string.format('%.0f', now + used), 'PX', ttl)
return allowed and used or -used
"""
_BY_DIGEST = b"$7\r\nEVALSHA\r\n$40\r\n" + hashlib.sha1(_HIT).hexdigest().encode() + b"\r\n"  # noqa: S324 - Redis's name
_BY_TEXT = b"$4\r\nEVAL\r\n$%d\r\n%b\r\n" % (len(_HIT), _HIT)
_MOST_RATES = 1000

_Result = Callable[[int], Hit]


class RedisStore:
    """A `CounterStore` and `OnceStore` that all processes share.

    A question that is not answered within `budget` seconds raises RedisAway: put a FallbackStore around it. A value of
    `put_once` lives in Redis alone, so it is lost when Redis is.
    """

    def __init__(self, url: str, *, prefix: str = "fastness:", budget: float = 0.05, now: Clock | None = None) -> None:
        """`url` as redis-py takes it: `redis://`, `rediss://` (TLS, verified unless the URL says otherwise) or
        `unix://`, with user, password and database. `now` overrides the clock (Unix seconds) of counters, for tests.

        Raises:
            ValueError: it is no such URL. The text does not repeat it: it may hold a password.
        """
        self._now = now
        place = _place(url)
        self.unverified = place.tls is not None and not (place.tls.check_hostname and place.tls.verify_mode)
        """Whether anybody with any certificate could answer in Redis's place."""
        self._pipe = Pipe(place, budget=budget, again=_again)
        self._counter, self._value = f"{prefix}count:", f"{prefix}once:"
        self._head = b"*%d\r\n" % (6 if now is None else 7) + _BY_DIGEST + b"$1\r\n1\r\n$%d\r\n%b\r\n%b"
        self._rates: dict[Rate, tuple[bytes, _Result]] = {}

    def hit(self, key: str, rate: Rate) -> asyncio.Future[Hit]:
        """Count one hit.

        Raises:
            RedisAway: when it is awaited, and Redis did not answer in time.
        """
        known = self._rates.get(rate)
        if known is None:
            known = self._learn(rate)
        tail, result = known
        if self._now is not None:
            tail += _bulk(str(int(self._now() * 1e6 + 0.5)))
        name = (self._counter + bounded(key)).encode()
        return self._pipe.ask(self._head % (len(name), name, tail), result)

    async def reset(self, key: str) -> None:
        """Forget `key`."""
        await self._pipe.ask(packed("DEL", self._counter + bounded(key)), _as_is)

    async def put_once(self, key: str, value: str, *, ttl: float) -> bool:
        """Store `value` for `ttl` seconds; False when the key is there already."""
        lives = str(max(1, round(ttl * 1000)))
        answer = await self._pipe.ask(packed("SET", self._value + bounded(key), value, "NX", "PX", lives), _as_is)
        return answer is not None

    async def consume(self, key: str) -> str | None:
        """Take the value out; only one caller ever gets it."""
        answer = await self._pipe.ask(packed("GETDEL", self._value + bounded(key)), _as_is)
        return None if answer is None else answer.decode("utf-8", "surrogatepass")

    async def check(self) -> None:
        """Count one hit of nobody, so that what is wrong shows: a password, a permission, a replica.

        Raises:
            RedisRefused: Redis answers and does not want us.
            RedisAway: it does not answer.
        """
        await self.hit("check", _CHECK)

    async def close(self) -> None:
        """Close the connection."""
        await self._pipe.close()

    def _learn(self, rate: Rate) -> tuple[bytes, _Result]:
        if len(self._rates) >= _MOST_RATES:
            self._rates.clear()
        interval, window = rate.interval, rate.window
        slack = window - interval

        def result(used: int) -> Hit:
            if used > 0:
                return Hit._make((True, (window - used) // interval, 0.0, used / 1e6))
            return Hit._make((False, 0, (-used - slack) / 1e6, -used / 1e6))

        found = self._rates[rate] = (_bulk(str(interval)) + _bulk(str(window)), result)
        return found


_CHECK = Rate(1_000_000, 60.0)


def packed(*words: str) -> bytes:
    """A command in the protocol of Redis (RESP)."""
    return b"*%d\r\n" % len(words) + b"".join([_bulk(word) for word in words])


def _bulk(word: str) -> bytes:
    text = word.encode("utf-8", "surrogatepass")
    return b"$%d\r\n%b\r\n" % (len(text), text)


def _as_is(answer: Any) -> Any:
    return answer


def _again(code: str, question: bytes) -> bytes | None:
    # After SCRIPT FLUSH or a restart the script is unknown: sent whole once, it is known again.
    return question.replace(_BY_DIGEST, _BY_TEXT, 1) if code == "NOSCRIPT" else None


def _place(url: str) -> Place:
    try:
        given: dict[str, Any] = dict(parse_url(url))
        kind = given.pop("connection_class", None)
        tls = None
        if kind is SSLConnection:
            asked = {name: value for name, value in given.items() if name.startswith("ssl_")}
            # A name on a certificate that nobody verifies says nothing, and older versions refuse to compare it.
            made = SSLConnection(**{"ssl_check_hostname": asked.get("ssl_cert_reqs") != "none", **asked})
            context: RedisSSLContext = made.ssl_context
            tls = context.get()
        database = int(given.get("db") or 0)
        port = int(given.get("port") or 6379)
    except Exception:  # noqa: BLE001 - redis-py has errors of its own, and
        # their texts may repeat the URL, and with it the password.
        raise ValueError(
            'not the URL of a Redis: write "redis://host:6379/0", "rediss://..." for TLS, or "unix:///path"'
        ) from None
    greeting: list[bytes] = []
    if given.get("password"):
        user = given.get("username")
        greeting.append(packed("AUTH", *([user] if user else []), given["password"]))
    if database:
        greeting.append(packed("SELECT", str(database)))
    path = given.get("path") if kind is UnixDomainSocketConnection else None
    return Place(given.get("host") or "localhost", port, path, tls, tuple(greeting))
