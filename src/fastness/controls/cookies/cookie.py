"""The session cookie itself: how it is read, set, cleared and renewed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection
from starlette.responses import Response

from fastness.controls.cookies.settings import HOST, CookieSettings
from fastness.core.errors import BadRequest
from fastness.core.events import EventType
from fastness.core.exchange import Exchange, of

_VALUE = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
_LARGEST = 4096  # of name and value together, ASVS 3.3.5; browsers drop what is larger

Renew = Callable[[bytes | None], Awaitable[str]]
"""Ends the session id that it is given, if any, and gives the new one."""


class RepeatedSessionCookie(BadRequest):
    """Two session cookies, or one that only looks like it: somebody else wrote one of them."""

    code, public = (
        "repeated_session_cookie",
        "The request carries more than one session cookie. Delete the cookies of this site.",
    )
    event = EventType.AUTHN_TOKEN_FAIL


def value_of(exchange: Exchange, name: bytes) -> bytes | None:
    """The value of a cookie that must be its own host's, None when there is none.

    Raises:
        RepeatedSessionCookie: there is more than one, or a nameless cookie that spells its name (CVE-2023-23934).
    """
    raw = exchange.headers.get(b"cookie")
    if raw is None:
        return None
    if exchange.repeated(b"cookie"):  # HTTP/2 may split the header, RFC 9113 section 8.2.3
        raw = b"; ".join(value for key, value in exchange.scope["headers"] if key == b"cookie")
    if name not in raw:
        return None
    found: bytes | None = None
    for pair in raw.split(b";"):
        # Spaces only: browsers let names begin with other white space, and a parser that strips it is fooled.
        key, equals, value = pair.strip(b" ").partition(b"=")
        if key == name and equals:
            if found is not None:
                raise RepeatedSessionCookie("two session cookies")
            found = value
        elif not key and value.lstrip(b"= ").startswith(name):
            raise RepeatedSessionCookie("a nameless cookie spells the session cookie")
    return found or None


class SessionCookie:
    """Reads and writes the one cookie that carries a session: Secure, HttpOnly, SameSite, Path=/, no Domain.

    With a name that has no `__Host-`, plain http uses it as it is and https with the prefix in front: no connection over
    TLS ever carries a session under a name that a neighbouring host can write.
    """

    def __init__(self, settings: CookieSettings | None = None) -> None:
        """Raises `UnsafeConfiguration` for a name that is none."""
        chosen = settings or CookieSettings()
        for problem in chosen.problems(production=False):
            raise problem
        self.problems = chosen.problems
        self.settings = chosen
        self._prefixed = chosen.name.startswith(HOST)
        self._secure_name = chosen.name if self._prefixed else HOST + chosen.name
        self._names = (chosen.name.encode(), self._secure_name.encode())

    def read(self, exchange: Exchange) -> bytes | None:
        """The value of the session cookie, None when there is none. It proves nothing yet.

        Raises:
            RepeatedSessionCookie: there is more than one, or a nameless cookie that spells its name (CVE-2023-23934).
        """
        return value_of(exchange, self._names[exchange.scheme in {"https", "wss"}])

    def set(self, response: Response, value: str, *, to: HTTPConnection, max_age: int | None = None) -> None:
        """Give the browser behind `to` this session id or token, for `max_age` seconds.

        Raises:
            ValueError: the value has other characters than letters, digits and `._~-`, or browsers would drop it.
        """
        secure, name = self._way(to)
        if _VALUE.fullmatch(value) is None:
            raise ValueError("a session cookie carries letters, digits and ._~- only")
        if len(name) + len(value) + 1 >= _LARGEST:
            raise ValueError(f"a session cookie has at most {_LARGEST} bytes; keep what is larger on the server")
        life = self.settings.max_age if max_age is None else max(1, max_age)
        self._write(response, name, value, life, secure=secure)

    def clear(self, response: Response, *, to: HTTPConnection, site_data: bool = True) -> None:
        """Take the session away from the browser behind `to`.

        With `site_data`, as at logout, its cache, storage and other cookies of this site too (ASVS 14.3.1).
        """
        secure, name = self._way(to)
        self._write(response, name, "", 0, secure=secure)
        if site_data:
            response.headers["clear-site-data"] = '"cache","cookies","storage"'

    async def rotate(self, response: Response, renew: Renew, *, to: HTTPConnection, max_age: int | None = None) -> None:
        """A new id at login and at every change of privilege, so that whoever knew the old one knows nothing.

        Raises:
            ValueError: `renew` gave the old id again (session fixation; ASVS 7.2.4).
            RepeatedSessionCookie: the request carries more than one.
        """
        exchange = of(to.scope) or Exchange(to.scope, _nothing)
        before = self.read(exchange)
        value = await renew(before)
        if before is not None and value.encode() == before:
            raise ValueError("the session id was not renewed")
        self.set(response, value, to=to, max_age=max_age)

    def _way(self, to: HTTPConnection) -> tuple[bool, str]:
        exchange = of(to.scope)
        scheme = exchange.scheme if exchange is not None else to.scope.get("scheme", "http")
        secure = self._prefixed or scheme in {"https", "wss"}
        return secure, self._secure_name if secure else self.settings.name

    def _write(self, response: Response, name: str, value: str, max_age: int, *, secure: bool) -> None:
        start = f"{name}=".encode()
        # One answer sets a name once, RFC 6265 section 4.1.1.
        response.raw_headers[:] = [
            (key, old) for key, old in response.raw_headers if key != b"set-cookie" or not old.startswith(start)
        ]
        same_site = self.settings.same_site.capitalize()
        attributes = f"Max-Age={max_age}; Path=/; HttpOnly; SameSite={same_site}" + ("; Secure" if secure else "")
        response.raw_headers.append((b"set-cookie", f"{name}={value}; {attributes}".encode()))


async def _nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}
