"""The judge of outgoing requests: may this URL be asked, and may these addresses be reached?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from fastness.controls.outbound.refusals import OutboundAnswerRefused, OutboundRefused
from fastness.controls.outbound.settings import OutboundSettings
from fastness.core.address import Address, address_of
from fastness.core.destination import is_metadata, is_public, one_meaning
from fastness.core.events import Event, EventType, Level, Sink, silent

_LONGEST_URL = 2048
_LONGEST_HEADERS = 16_384
_DEFAULT_PORTS = {"https": 443, "http": 80}
_SHOWN = 255


class Guard:
    """Judges by settings, without touching the network. Every "no" is an event and an exception."""

    def __init__(self, settings: OutboundSettings, *, emit: Sink = silent) -> None:
        """Raises `UnsafeConfiguration` for settings that open what must stay closed."""
        for problem in settings.problems(production=False):
            raise problem
        self.settings = settings
        self._emit = emit
        self._exact = frozenset(host for host in settings.hosts if not host.startswith("*."))
        self._suffixes = tuple(host[1:] for host in settings.hosts if host.startswith("*."))
        self._networks = settings.networks()
        self._types = frozenset(settings.content_types)

    def text(self, url: str) -> None:
        """Judge a URL as somebody wrote it, before any parser repairs it.

        Raises:
            OutboundRefused: white space, control characters, backslashes, or more than 2,048 characters.
        """
        if len(url) > _LONGEST_URL:
            self.refuse("the URL is too long", url[:_SHOWN])
        if "\\" in url or not url.isprintable() or " " in url:
            self.refuse("the URL has characters that parsers read differently", "")

    def target(self, scheme: str, host: str, port: int | None, *, userinfo: bool, path: bytes) -> None:
        """Judge the parts of a URL. `host` as it will be looked up: ASCII, IPv6 without brackets.

        Raises:
            OutboundRefused: scheme, user information, host or port.
        """
        if scheme not in self.settings.schemes:
            self.refuse("the scheme is not allowed", host)
        if userinfo:
            self.refuse("the URL has user information", host)
        if host.endswith(".") or not one_meaning(f"[{host}]" if ":" in host else host):
            self.refuse("the host is missing, or written in a way that parsers read differently", host)
        if host not in self._exact:
            if self.settings.hosts and not host.endswith(self._suffixes):
                self.refuse("the host is not one of those that may be asked", host)
            if "." not in host and ":" not in host:
                self.refuse("the host is a local name", host)  # a search list would decide where it is
        if (port or _DEFAULT_PORTS[scheme]) not in self.settings.ports:
            self.refuse("the port is not allowed", host)
        if len(host) + len(path) > _LONGEST_URL:
            self.refuse("the URL is too long", host)

    def headers(self, raw: Iterable[tuple[bytes, bytes]], host: str, netloc: bytes) -> None:
        """Judge what would be sent.

        Raises:
            OutboundRefused: a Host that names somebody else, or more than the other side could want (ASVS 4.2.5).
        """
        size = 0
        for name, value in raw:
            size += len(name) + len(value)
            if name.lower() == b"host" and value.lower() != netloc.lower():
                self.refuse("the Host header names another host", host)
        if size > _LONGEST_HEADERS:
            self.refuse("the headers are too long", host)

    def addresses(self, host: str, found: Iterable[str]) -> list[str]:
        """The addresses to connect to, in order, when every one of them may be reached.

        One that may not condemns all: a name with a public and a private address is an attack on whoever tries both.

        Raises:
            OutboundRefused: an address is not public, or there is none.
        """
        judged: list[str] = []
        for text in found:
            address = address_of(text)
            if address is None or not self._reachable(address):
                self.refuse("the host leads to an address that is not public", host, address=text[:_SHOWN])
            if str(address) not in judged:
                judged.append(str(address))
        if not judged:
            self.refuse("the host has no address", host)
        return judged

    def _reachable(self, address: Address) -> bool:
        if is_metadata(address):
            return False
        return is_public(address) or any(
            address in network for network in self._networks if network.version == address.version
        )

    def answer(self, content_type: str, host: str) -> None:
        """Judge the type of an answer.

        Raises:
            OutboundAnswerRefused: it is not one of the expected types.
        """
        kind = content_type.partition(";")[0].strip().lower()
        expected = kind in self._types or f"{kind.partition('/')[0]}/*" in self._types
        # Of several, browsers take the last: `image/png, text/html` is a page to whom the answer is passed on.
        if self._types and ("," in content_type or not expected):
            self.cut_off("the answer has an unexpected type", host)

    def refuse(self, reason: str, host: str, **more: str) -> NoReturn:
        """Emit the event and raise `OutboundRefused`."""
        self._tell(reason, host, **more)
        raise OutboundRefused(reason)

    def cut_off(self, reason: str, host: str) -> NoReturn:
        """Emit the event and raise `OutboundAnswerRefused`."""
        self._tell(reason, host)
        raise OutboundAnswerRefused(reason)

    def _tell(self, reason: str, host: str, **more: str) -> None:
        shown = {"host": host[:_SHOWN], **more}
        self._emit(Event(EventType.MALICIOUS_OUTBOUND, level=Level.WARN, reason=reason, details=shown))
