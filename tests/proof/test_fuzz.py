"""Requests that nobody expects, to every route in every role: the short form of `python tools/fuzz.py`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from by_hand import Reply
from proof.fuzz.judge import PROBLEM, Judge
from proof.places import Asked

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = {
    "paths": {
        "/open": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}}},
        "/mine": {"get": {"security": [{"fastness": []}], "responses": {"200": {}, "401": {}}}},
        "/all": {"get": {"security": [{"fastness": []}], "responses": {"200": {}, "401": {}, "403": {}}}},
    },
    "components": {"schemas": {"Problem": {"type": "object", "required": ["status", "title", "code"]}}},
}


@pytest.mark.timeout(600)
def test_no_route_fails_or_lets_anybody_in_whatever_is_sent_in_whatever_role() -> None:
    # A process of its own: Schemathesis changes Hypothesis for all who share it.
    command = [sys.executable, str(ROOT / "tools" / "fuzz.py"), "--requests", "1500"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=580)

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    total = re.search(r"^(\d+) requests in \d+ s, 0 faults$", done.stdout, re.MULTILINE)
    assert total is not None
    assert int(total[1]) >= 1500


def refused(status: int, kind: str = PROBLEM, *, said: int | None = None, detail: str = "") -> Reply:
    body = {"status": status if said is None else said, "title": "No", "code": "no", "detail": detail}
    return Reply(status, [(b"content-type", kind.encode())], json.dumps(body).encode())


def served(body: bytes = b"{}") -> Reply:
    return Reply(200, [(b"content-type", b"application/json")], body)


@pytest.mark.parametrize(
    ("path", "caller", "reply", "fault"),
    [
        ("/open", "anonymous", refused(500), "server error"),
        ("/open", "anonymous", refused(503), "server error"),
        ("/elsewhere", "user", refused(500), "server error"),
        ("/open", "anonymous", Reply(0), "no status"),
        ("/mine", "anonymous", served(), "ignored authentication"),
        ("/mine", "expired", served(), "ignored authentication"),
        ("/mine", "foreign", served(), "ignored authentication"),
        ("/all", "user", served(), "ignored authorization"),
        ("/open", "anonymous", refused(422, "application/json"), "no problem"),
        ("/open", "anonymous", refused(422, said=400), "no problem"),
        ("/open", "anonymous", Reply(404, [(b"content-type", PROBLEM.encode())], b"{}"), "no problem"),
        ("/open", "anonymous", served(b"[]"), "not as the document says"),
        ("/open", "anonymous", Reply(201), "does not know"),
    ],
)
def test_a_wrong_answer_is_a_fault(path: str, caller: str, reply: Reply, fault: str) -> None:
    judge = Judge(DOCUMENT)

    judge.see(Asked("GET", path), reply, caller=caller)

    (line,) = judge.faults
    assert fault in line


@pytest.mark.parametrize(
    ("path", "caller", "reply"),
    [
        ("/open", "anonymous", served()),
        ("/mine", "user", served()),
        ("/mine", "anonymous", refused(401)),
        ("/all", "admin", served()),
        ("/all", "user", refused(403)),
    ],
)
def test_a_right_answer_is_none(path: str, caller: str, reply: Reply) -> None:
    judge = Judge(DOCUMENT)

    judge.see(Asked("GET", path), reply, caller=caller)

    assert judge.faults == []


def test_a_mistake_on_purpose_may_fail_but_not_tell_why() -> None:
    judge = Judge(DOCUMENT, mistakes={"GET /open": "hunter2"})

    judge.see(Asked("GET", "/open"), refused(500), caller="anonymous")
    assert judge.faults == []

    judge.see(Asked("GET", "/open"), refused(500, detail="hunter2"), caller="anonymous")
    assert len(judge.faults) == 1
