"""A server that waits for ever, and takes any head."""

from __future__ import annotations

import socket

import pytest

from fastness.cli.protocol import PatientProtocol
from fastness.cli.server import options
from proof.advisories.advisory import advisory, package
from proof.advisories.front import forms, listening, said

PROTOCOL = "cli/protocol.py"
PATIENCE = 4.0
"""Seconds that a caller waits to hear that the server's patience is over, which is some tenths of one here."""
WAITING, RESET = b"the server waits", b"the server reset the connection"
BEGUN = [b"", b"GET /open HTTP/1.1\r\n", b"POST /raw HTTP/1.1\r\nHost: localhost\r\nX: "]
POST = b"POST /raw HTTP/1.1\r\nHost: localhost\r\n"


def heard(where: tuple[str, int], start: bytes) -> bytes:
    """What a caller hears that sends this much and then waits."""
    with socket.create_connection(where, timeout=PATIENCE) as caller:
        try:
            caller.sendall(start)
            return caller.recv(65_536)
        except TimeoutError:
            return WAITING
        except ConnectionError:
            return RESET


@advisory(
    95,
    "uvicorn: no time-out",
    without=[package("cli/server.py", '        "http": PatientProtocol,\n', "")],
    also=[
        [package(PROTOCOL, "if self.loop.time() - self._head_since > self.head_seconds:", "if not self._head_since:")],
        [
            package(
                PROTOCOL,
                "if before is not None and self._came - before < self.body_rate * self.period:",
                "if before is not None and before < 0:",
            )
        ],
        [
            package(PROTOCOL, "if self._head_size > self.head_bytes:", "if not self._head_size:"),
            package(PROTOCOL, "self._head_size + self._part > self.head_bytes and", "self._head_size < 0 and"),
        ],
        [  # the chain counts them again
            package(PROTOCOL, "large or len(self.headers) > self.head_lines:", "large:"),
            package("controls/oddities.py", 'if len(scope["headers"]) > self._most or ', "if "),
        ],
    ],
)
def test_uvicorn_no_time_out_a_request_has_to_arrive_and_its_head_to_be_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 0.3)
    monkeypatch.setattr(PatientProtocol, "period", 0.2)
    app = forms()

    with listening(app, **{**options(app), "log_level": "critical"}) as where:
        for start in BEGUN:
            assert heard(where, start)[9:12] == b"408", start
        for body in (b"", b"a" * 50):  # the route reads all of its body
            start = POST + b"Content-Length: 100\r\n\r\n" + body
            assert heard(where, start)[9:12] == b"408", start
        # One is not over yet: it is refused for its size before it is refused for its time.
        for head in (b"X: " + b"y" * 40_000, b"X: " + b"y" * 40_000 + b"\r\n\r\n", b"X: y\r\n" * 101 + b"\r\n"):
            assert heard(where, POST + head)[9:12] == b"431", head[:10]
        for head in (b"X: " + b"y" * 10_000_000, b"X: y\r\n" * 100_000):
            answer = heard(where, POST + head + b"\r\n\r\n")
            # Whoever is refused while still sending may be reset before the answer is read.
            assert answer == RESET or answer[9:12] == b"431", answer
        good = said(where, b"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\na")
        assert good[9:12] == b"200"
