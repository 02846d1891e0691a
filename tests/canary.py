"""No secret that the tests make reaches a log: every password, token, code and key, against every line that was written.

Secrets are remembered where they are made (access tokens, session secrets, codes, device tokens, API keys) and where
they pass through a client that was answered with success, so those of servers in other processes too. Lines are the log
records of this process, its security events, and what servers wrote to their terminals. At the end of the run they are
compared; one that is found fails the run, with an exit code of its own, for no test passes another time because of that.
Under xdist each worker compares its own.
"""

from __future__ import annotations

import functools
import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest

_FIELDS = {
    "password", "new_password", "access_token", "refresh_token", "device_token", "mfa_token", "token", "code", "key", "secret",
    "api_key", "csrf_token",
}  # fmt: skip
FOUND = 9
"""The run's exit code: pytest's own end with 5."""
_TAIL = 16
"""Characters of a secret's end that nothing else has."""
_WORDS = re.compile(rf"[A-Za-z0-9_-]{{{_TAIL},}}")
_DIGITS = re.compile(r"(?<![\w.:+-])[0-9]{8}(?![\w.:+-])")
_MAIL = re.compile(r"^-{60}\nTo: .*?^-{60}$", re.MULTILINE | re.DOTALL)
"""What the console mailer shows: that is where a developer reads the codes."""


class Canary:
    """What was secret, and what was written. A plugin of pytest."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.public: set[str] = set()
        """What clients sent in the open: an attack that was tried as a user agent too is no secret as a password."""
        self.lines = 0
        self._written = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - close() does
        self._told: list[str] = []
        self._counts = [0, 0]

    def keeps(self, secret: object, kind: str) -> None:
        """Remember a secret. Short ones stay out: they are words, and words are in every log."""
        text = secret.get_secret_value() if hasattr(secret, "get_secret_value") else secret
        long_enough = isinstance(text, str) and (len(text) >= 12 or (kind == "code" and len(text) == 8))
        if long_enough:
            self.secrets.setdefault(str(text), kind)

    def reads(self, text: str) -> None:
        """Remember something that was written."""
        if not self._written.closed:
            self.lines += text.count("\n") + 1
            self._written.write(text + "\n")

    def found(self) -> list[str]:
        """Every secret that was written: its kind, its beginning, and the line."""
        tails = {secret[-_TAIL:]: secret for secret in self.secrets if _WORDS.fullmatch(secret[-_TAIL:])}
        codes = {secret for secret in self.secrets if len(secret) == 8}
        public = "\n".join(self.public)
        rest = [secret for secret in self.secrets if secret not in codes and secret[-_TAIL:] not in tails]
        phrases = [secret for secret in rest if secret not in public]
        hits = dict[str, str]()
        self._written.seek(0)
        for line in self._written:
            for secret in _in_line(line, tails, codes, phrases):
                hits.setdefault(secret, line.strip())
        self._written.seek(0, 2)
        return [f"{self.secrets[secret]} {secret[:12]!r} in: {line[:300]}" for secret, line in hits.items()]

    def close(self) -> None:
        """Forget what was written."""
        self._written.close()

    def pytest_unconfigure(self) -> None:
        """Nothing is compared any more."""
        self.close()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Compare; a worker of xdist tells who started it."""
        hits, counts = self.found(), [len(self.secrets), self.lines]
        told = getattr(session.config, "workeroutput", None)
        if told is not None:
            told["canary"] = {"hits": hits, "counts": counts}
            return
        self._take(hits, counts)
        if self._told:
            session.exitstatus = FOUND

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a worker of xdist found."""
        seen = getattr(node, "workeroutput", {}).get("canary")
        if seen is not None:
            self._take(seen["hits"], seen["counts"])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line, and each secret that was found."""
        secrets, lines = self._counts
        terminalreporter.write_line(f"{len(self._told)} of {secrets} secrets were found in {lines} lines of log")
        for hit in self._told:
            terminalreporter.write_line(f"SECRET IN A LOG: {hit}", red=True)

    def _take(self, hits: list[str], counts: list[int]) -> None:
        self._told += hits
        self._counts = [before + more for before, more in zip(self._counts, counts, strict=True)]


CANARY = Canary()


def server_wrote(text: str) -> None:
    """What a server wrote to its terminal, but for the mails that it shows there."""
    CANARY.reads(_MAIL.sub("", text))


def watch() -> None:
    """Begin to remember, until the process ends."""
    logging.Logger.callHandlers = _heard(logging.Logger.callHandlers)  # type: ignore[method-assign, assignment]
    httpx2.Client.send = _sent(httpx2.Client.send)  # type: ignore[method-assign]
    httpx2.AsyncClient.send = _sent_async(httpx2.AsyncClient.send)  # type: ignore[method-assign]
    _watch_makers()


def _watch_makers() -> None:
    from fastness.accounts.models import codes, devices, sessions
    from fastness.controls.apikeys.text import KeyText
    from fastness.controls.csrf.token import CsrfTokens
    from fastness.controls.tokens import Tokens

    places: list[tuple[Any, str, str]] = [
        (Tokens, "issue", "access token"),
        (sessions, "fresh", "session secret"),
        (sessions, "following", "session secret"),
        (devices, "new_secret", "device token"),
        (KeyText, "new", "API key"),
        (CsrfTokens, "make", "CSRF token"),
    ]
    for owner, name, kind in places:
        setattr(owner, name, _kept(getattr(owner, name), kind))
    put = codes.Codes.put

    @functools.wraps(put)
    async def kept(*given: Any, **named: Any) -> codes.Code | None:
        code = await put(*given, **named)
        if code is not None:
            CANARY.keeps(code.token, "link")
            CANARY.keeps(code.digits, "code")
        return code

    codes.Codes.put = kept  # type: ignore[method-assign]


def _kept(make: Callable[..., str], kind: str) -> Callable[..., str]:
    @functools.wraps(make)
    def made(*given: Any, **named: Any) -> str:
        secret = make(*given, **named)
        CANARY.keeps(secret, kind)
        return secret

    return made


def _heard(call: Callable[[logging.Logger, logging.LogRecord], None]) -> Callable[[Any, logging.LogRecord], None]:
    formatter = logging.Formatter("%(name)s %(message)s")

    @functools.wraps(call)
    def heard(logger: logging.Logger, record: logging.LogRecord) -> None:
        CANARY.reads(formatter.format(record))
        call(logger, record)

    return heard


def _sent(send: Callable[..., httpx2.Response]) -> Any:
    @functools.wraps(send)
    def sent(client: httpx2.Client, request: httpx2.Request, **how: Any) -> httpx2.Response:
        answer = send(client, request, **how)
        _passed(request, answer)
        return answer

    return sent


def _sent_async(send: Callable[..., Any]) -> Any:
    @functools.wraps(send)
    async def sent(client: httpx2.AsyncClient, request: httpx2.Request, **how: Any) -> httpx2.Response:
        answer: httpx2.Response = await send(client, request, **how)
        _passed(request, answer)
        return answer

    return sent


def _passed(request: httpx2.Request, answer: httpx2.Response) -> None:
    """What passed with success was a secret; what was refused may be any word."""
    CANARY.public.add(request.headers.get("user-agent", ""))
    CANARY.public.add(request.url.path)
    if not answer.is_success:
        return
    for kind, value in (*_fields(request), *_fields(answer)):
        CANARY.keeps(value, kind)
    for cookie in answer.headers.get_list("set-cookie"):
        CANARY.keeps(cookie.partition(";")[0].partition("=")[2], "cookie")


def _fields(message: httpx2.Request | httpx2.Response) -> Iterator[tuple[str, object]]:
    kind = message.headers.get("content-type", "")
    try:
        content = message.content
        if kind.startswith("application/json"):
            found = json.loads(content)
        elif kind.startswith("application/x-www-form-urlencoded"):
            found = dict(parse_qsl(content.decode()))
        else:
            return
    except (httpx2.StreamError, ValueError, RecursionError):
        return  # streamed, or no such thing after all
    if isinstance(found, dict):
        yield from ((name, value) for name, value in found.items() if name in _FIELDS)


def _in_line(line: str, tails: dict[str, str], codes: set[str], phrases: list[str]) -> Iterator[str]:
    for word in _WORDS.findall(line):
        for start in range(len(word) - _TAIL + 1):
            secret = tails.get(word[start : start + _TAIL])
            if secret is not None:
                yield secret
    yield from codes.intersection(_DIGITS.findall(line))
    yield from (phrase for phrase in phrases if phrase in line)
