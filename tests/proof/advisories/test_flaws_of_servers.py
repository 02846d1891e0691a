"""A server that waits for ever, and takes any head."""

from __future__ import annotations

import socket

import pytest

from fastness.cli.protocol import PatientProtocol
from fastness.cli.server import options
from proof.advisories.advisory import advisory, package
from proof.advisories.front import listening, protected, said


@advisory(95, "uvicorn: no time-out", without=[package("cli/server.py", '        "http": PatientProtocol,\n', "")])
def test_uvicorn_no_time_out_a_request_has_to_arrive_and_its_head_to_be_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 0.3)
    monkeypatch.setattr(PatientProtocol, "period", 0.2)
    app, _ = protected()

    with listening(app, **{**options(app), "log_level": "critical"}) as where:
        for start in (
            b"",
            b"GET /open HTTP/1.1\r\n",
            b"POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
        ):
            with socket.create_connection(where, timeout=15) as caller:
                caller.sendall(start)
                assert caller.recv(65_536)[9:12] in {b"408", b"405"}, start
        for head in (b"X: " + b"y" * 10_000_000, b"X: y\r\n" * 100_000, b"X: y\r\n" * 101):
            answer = said(where, b"GET /open HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
            assert answer[9:12] in {b"431", b""}, head[:10]
        good = said(where, b"GET /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert good[9:12] == b"200"
