"""The body of another server's answer: counted as it arrives and again after decompression, within the time left."""

from __future__ import annotations

import codecs
import contextlib
import ssl
import zlib
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import anyio
import httpcore2
import httpx2

from fastness.controls.outbound.guard import Guard
from fastness.controls.outbound.refusals import OutboundAnswerRefused, OutboundError, OutboundFailed, OutboundTimeout

_PIECE = 65_536
_NO_BODY = frozenset({204, 304})
"""What the connection reads no body for; behind a 205 it reads one (RFC 9110 section 15.3.6 only forbids it)."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_TYPE = 512
"""The standard library reads a Content-Type in quadratic time: 90 KB of semicolons keep it for seven seconds."""
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Encodings of Python's own: they raise or warn for some bytes, even when told to replace them."""


@contextlib.contextmanager
def translated() -> Generator[None]:
    """Whatever the network raises becomes one of ours, without its text: that names addresses."""
    try:
        yield
    except OutboundError:
        raise
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise OutboundTimeout("the other server took too long") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, OSError) as error:
        tls = isinstance(error, ssl.SSLError) or isinstance(error.__cause__ or error.__context__, ssl.SSLError)
        raise OutboundFailed("the certificate is not right" if tls else "the connection failed") from error


class Answer:
    """Judges the head of an answer, and gives headers and body as a client may see them."""

    def __init__(self, response: httpcore2.Response, method: str, *, guard: Guard, host: str) -> None:
        """Raises `OutboundAnswerRefused` for a size, type or encoding that is not accepted."""
        status, headers = response.status, response.headers
        self._empty = method == "HEAD" or status in _NO_BODY
        self._gzip = False
        fields = [(name.lower(), value) for name, value in headers]
        sizes = [value for name, value in fields if name == b"content-length"]
        types = [value for name, value in fields if name == b"content-type"]
        if status < 200:  # noqa: PLR2004 - a switch to another protocol would have no limits
            guard.cut_off("the answer changes the protocol", host)
        if sum(map(len, types)) > _LONGEST_TYPE:
            guard.cut_off("the answer has an unexpected type", host)
        if not self._empty:
            encodings = [value.strip().lower() for name, value in fields if name == b"content-encoding"]
            if encodings not in ([], [b"identity"], [b"gzip"]):
                guard.cut_off("the answer has an encoding that was not asked for", host)
            self._gzip = encodings == [b"gzip"]
            if any(size.isdigit() and int(size[:20]) > guard.settings.max_bytes for size in sizes):
                guard.cut_off("the answer is too large", host)
            located = any(name == b"location" for name, _ in fields)
            if not (status in _REDIRECTS and located and guard.settings.redirects):  # whoever follows it reads no body
                guard.answer(b", ".join(types).decode("latin-1"), host)
        # A cookie kept for one URL's host could be sent to the next URL's; nothing here has a session.
        hidden = {b"set-cookie", b"content-encoding", *((b"content-length",) if self._gzip else ())}
        self.headers = [(name, value) for name, value in headers if name.lower() not in hidden]
        self._guard, self._host = guard, host

    def body(self, stream: Any, deadline: float) -> httpx2.AsyncByteStream:
        """The body, decompressed. `deadline` by the event loop's clock."""
        decode = _Gunzip(self._guard, self._host) if self._gzip else _plain
        return _Body(stream, decode, self._guard, self._host, deadline)


class Answered(httpx2.Response):
    """A response whose text raises nothing but ours: bytes are what the other server says, and so is its charset."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        if not readable(self.charset_encoding):
            self.encoding = "utf-8"

    @property
    def text(self) -> str:
        """Raises `OutboundAnswerRefused` for UTF-16 and UTF-32 without a byte order mark: either order is a guess."""
        with _in_its_charset():
            return super().text

    async def aiter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Raises `OutboundAnswerRefused` as `text` does."""
        with _in_its_charset():
            async for text in super().aiter_text(chunk_size):
                yield text


def readable(charset: str | None) -> bool:
    """Whether `charset` is an encoding of text that Python knows."""
    try:
        found = codecs.lookup(charset or "utf-8")
    except (LookupError, ValueError):
        return False
    return found._is_text_encoding and found.name not in _NO_CHARSETS  # noqa: SLF001 - nothing public tells it


@contextlib.contextmanager
def _in_its_charset() -> Generator[None]:
    try:
        yield
    except UnicodeError:
        raise OutboundAnswerRefused("the answer is not in the charset that it names") from None


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: Any, decode: Any, guard: Guard, host: str, deadline: float) -> None:
        self._stream, self._decode, self._guard, self._host = stream, decode, guard, host
        self._deadline = deadline

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts, most = aiter(self._stream), self._guard.settings.max_bytes
        sent = size = 0
        while True:
            with translated(), anyio.fail_after(max(0.0, self._deadline - anyio.current_time())):
                part = await anext(parts, None)
            if part is None:
                return
            sent += len(part)
            for piece in self._decode(part):
                size += len(piece)
                if max(sent, size) > most:
                    self._guard.cut_off("the answer is too large", self._host)
                yield piece

    async def aclose(self) -> None:
        with translated():
            await self._stream.aclose()


def _plain(part: bytes) -> Iterator[bytes]:
    yield part


class _Gunzip:
    """Never holds more than one piece of what a small body unpacks to."""

    def __init__(self, guard: Guard, host: str) -> None:
        self._guard, self._host = guard, host
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def __call__(self, part: bytes) -> Iterator[bytes]:
        while part and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(part, _PIECE)
            except zlib.error:
                self._guard.cut_off("the answer is not what its encoding says", self._host)
            part = self._inflate.unconsumed_tail
            yield piece
            if not piece and not part:
                return
