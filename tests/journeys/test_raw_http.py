"""Malformed HTTP over a socket: never two answers to one request, never a 5xx, and the server lives on."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from journeys.servers import ROOT, running

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "data" / "attacks" / "raw_http.json").read_text())


@pytest.fixture(scope="module", params=["demo", "guide"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp(request.param)
    command, ready = ["fastness", "demo", "--port", "0"], r"service +(http://\S+)"
    environment = {"FASTNESS_LIMITS__PER_ADDRESS": ""}
    if request.param == "guide":
        command, ready = ["uvicorn", "examples.guide.app:app", "--port", "0"], r"running on (http://[0-9.:]+)"
        environment |= {
            "FASTNESS_ENVIRONMENT": "development",
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'guide.db'}",
        }
    with running(command, folder, environment=environment) as server:
        yield server.answers(ready)


def answer(url: str, request: bytes) -> bytes:
    """Everything that the server sends until it hangs up; the client says that it has nothing more to send."""
    said, where = b"", urlsplit(url)
    with (
        socket.create_connection((where.hostname, where.port), timeout=10) as caller,
        contextlib.suppress(ConnectionError),
    ):
        caller.sendall(request)
        with contextlib.suppress(OSError):  # the server may have hung up already
            caller.shutdown(socket.SHUT_WR)
        while part := caller.recv(65_536):
            said += part
    return said


@pytest.mark.parametrize("path", ["/health", "/auth/login"])
def test_no_malformed_request_gets_two_answers_or_a_5xx(url: str, path: str) -> None:
    for case in CASES:
        raw = base64.b64decode(case["raw_b64"]).replace(b"{path}", path.encode()).replace(b"{host}", b"localhost")

        said = answer(url, raw)

        statuses = [int(status) for status in re.findall(rb"HTTP/1\.[01] ([1-5]\d\d)", said)]
        final = [status for status in statuses if status >= 200]
        assert len(final) <= 1, (case["class"], said)
        assert all(status < 500 for status in final), (case["class"], said)
        assert b"smuggled" not in said, case["class"]

    assert httpx2.get(url + "/health").status_code == 200
