"""Security events: one line each, nobody forges one, no secret is in one, no flood fills the disk."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from by_hand import LOCAL, exchange
from fastness.controls.security_events import SecurityEvents, SecurityEventSettings, clean, redaction
from fastness.core.events import Event, EventType, Level
from fastness.core.exchange import current

ATTACKS = json.loads((Path(__file__).parents[1] / "data/attacks/log_injection.json").read_text(encoding="utf-8"))
# The letters alone: this is a canary, not a token.
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ"
SECRETS = {
    "jwt": JWT,
    "bearer": "Authorization: Bearer canary-4f9a1b2c3d",
    "basic": "basic Y2FuYXJ5OmNhbmFyeQ==",
    "url": "postgresql://app:canary-pw@db.example.com/app",
    "redis url": "redis://:canary-pw@cache:6379/0",
    "query": "https://app.example.com/reset?token=canary-1234&x=1",
    "assignment": "password = canary-pw",
    "json": '{"password": "canary-pw"}',
    "form": "username=ada&password=canary-pw",
    "opaque": "rt_canary" + "Ab3-" * 12,
    "github": "ghp_canary0123456789abcdef",
    "aws": "AKIACANARY0123456789",
    "pem": "-----BEGIN EC PRIVATE KEY-----canary",
}


class Lines(list[str]):
    """What the logger was given, line by line, as a file would hold it."""

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self]


@pytest.fixture
def lines() -> Iterator[Lines]:
    kept = Lines()

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(self.format(record))

    logger, handler = logging.getLogger("fastness.events"), Keep()
    logger.addHandler(handler)
    yield kept
    logger.removeHandler(handler)


def emit(
    event: Event, *, headers: list[tuple[bytes, bytes]] | None = None, path: str = "/", request_id: str = ""
) -> None:
    one = exchange(headers=headers or [LOCAL], path=path)
    one.request_id = request_id
    one.scope["fastness"] = one
    token = current.set(one.scope)
    try:
        SecurityEvents()(event)
    finally:
        current.reset(token)


@pytest.mark.parametrize("case", ATTACKS, ids=lambda case: f"{case['field']}-{case['value'][:12]!r}")
def test_no_value_of_the_corpus_forges_a_line_in_any_field(case: dict[str, str], lines: Lines) -> None:
    value = case["value"]
    raw = value.encode("utf-8", "surrogatepass")

    emit(
        Event(EventType.AUTHN_LOGIN_FAIL, who=value, reason=value, details={case["field"]: value, value: value}),
        headers=[LOCAL, (b"user-agent", raw), (b"referer", raw)],
        path=value,
        request_id=value,
    )

    assert len(lines) == 1
    assert lines[0].isascii()
    assert lines[0].isprintable()
    assert lines.records[0]["event"] == "authn_login_fail"
    assert all(len(each.encode()) <= 1024 and each.isprintable() for each in strings(lines.records[0]))


def strings(thing: Any) -> Iterator[str]:
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from strings(value)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_no_secret_reaches_a_line_whatever_field_it_is_in(secret: str, lines: Lines) -> None:
    emit(
        Event(
            EventType.SYS_CRASH,
            who=secret,
            reason=f"failed: {secret}",
            details={"seen": secret, "all": [secret, {"x": secret}]},
        ),
        headers=[LOCAL, (b"user-agent", secret.encode()), (b"authorization", secret.encode()), (b"cookie", b"canary")],
        path=f"/{secret}",
    )

    assert len(lines) == 1
    assert "canary" not in lines[0].lower()
    assert "eyJzdWIi" not in lines[0]


@pytest.mark.parametrize(
    "key",
    ["password", "new_password", "Passwd", "pwd", "secret", "client_secret", "token", "refreshToken", "Authorization",
     "cookie", "Set-Cookie", "api_key", "X-API-Key", "code", "recovery_code", "otp", "session", "csrf", "private_key"],
)  # fmt: skip
def test_the_value_under_a_secrets_name_is_never_shown(key: str, lines: Lines) -> None:
    emit(Event(EventType.AUTHN_LOGIN_FAIL, details={key: "short", "deep": {key: ["short"]}}))

    assert "short" not in lines[0]


def test_ordinary_details_stay_readable(lines: Lines) -> None:
    details = {
        "status_code": 404,
        "limit": "5/minute",
        "roles": ("admin", "editor"),
        "ok": True,
        "none": None,
        "x": 1.5,
    }

    emit(Event(EventType.AUTHZ_FAIL, who="7b0c9f2e-4d5a-4b8e-9c56-0d3fbd1a2f11", details=details))

    assert lines.records[0]["who"] == "7b0c9f2e-4d5a-4b8e-9c56-0d3fbd1a2f11"
    assert lines.records[0]["details"] == {**details, "roles": ["admin", "editor"], "x": "1.5"}


def test_an_event_names_the_request_by_the_owasp_fields(lines: Lines) -> None:
    emit(
        Event(EventType.AUTHN_LOGIN_FAIL, who="u1", level=Level.WARN, reason="wrong password"),
        headers=[LOCAL, (b"user-agent", b"curl/8")],
        path="/auth/login",
        request_id="ab" * 16,
    )

    record = lines.records[0]
    assert list(record) == sorted(record)
    assert record["datetime"].endswith("+00:00")
    assert {key: record[key] for key in record if key != "datetime"} == {
        "appid": "fastness", "event": "authn_login_fail", "level": "WARN", "reason": "wrong password",
        "request_id": "ab" * 16, "request_method": "GET", "route": "/auth/login", "source_ip": "203.0.113.7",
        "useragent": "curl/8", "who": "u1",
    }  # fmt: skip


def test_a_matched_route_is_logged_as_its_pattern(lines: Lines) -> None:
    class Rule:
        path = "/reset/{code}"

    one = exchange(path="/reset/short")
    one.rule = Rule()
    one.scope["fastness"] = one
    token = current.set(one.scope)
    SecurityEvents()(Event(EventType.AUTHN_LOGIN_FAIL))
    current.reset(token)

    assert lines.records[0]["route"] == "/reset/{code}"


@given(st.from_regex(redaction._PLAIN, fullmatch=True))
def test_what_is_taken_for_plain_is_what_no_pattern_finds(text: str) -> None:
    assert redaction._masked(text) == clean(text) == text


def test_addresses_are_masked() -> None:
    assert clean("mail to ada.lovelace@example.com failed") == "mail to a***@example.com failed"
    assert clean("åsa@exämple.test, b@c.test") == "å***@exämple.test, b***@c.test"


def test_a_sink_never_raises(lines: Lines) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    class Broken(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("no")

    circle: list[Any] = []
    circle.append(circle)
    for details in ({"a": Hostile()}, {"a": circle}, {"a": 10**5000}, {"a": float("nan")}, {"a": b"\xff"}, Broken()):
        emit(Event(EventType.SYS_CRASH, details=details))

    assert len(lines) == 6
    assert [record["event"] for record in lines.records] == ["sys_crash"] * 5 + ["sys_monitor_disabled"]


def test_a_broken_log_does_not_break_the_request() -> None:
    class Full(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("no space left on device")

    logger, handler = logging.getLogger("fastness.events"), Full()
    logger.addHandler(handler)
    try:
        emit(Event(EventType.SYS_CRASH))
    finally:
        logger.removeHandler(handler)


def test_the_page_names_every_event() -> None:
    page = (Path(__file__).parents[2] / "docs/controls/security_events.md").read_text(encoding="utf-8")

    assert [kind for kind in EventType if f"| `{kind}` |" not in page] == []


def test_large_details_become_small_lines(lines: Lines) -> None:
    emit(Event(EventType.SYS_CRASH, details={f"{n}": {f"{m}": "y" * 100 for m in range(100)} for n in range(1000)}))

    assert len(lines[0]) < 64 * 1024


def test_a_flood_is_held_back_announced_and_summed_up(lines: Lines) -> None:
    clock = [1000.0]
    sink = SecurityEvents(SecurityEventSettings(per_minute=5), now=lambda: clock[0])

    for _ in range(1000):
        sink(Event(EventType.AUTHN_LOGIN_FAIL, reason="wrong password"))
    assert len(lines) == 5
    assert "held back" in lines.records[-1]["note"]
    clock[0] += 60
    sink(Event(EventType.SESSION_CREATED))

    assert [record["event"] for record in lines.records[5:]] == ["authn_login_fail", "session_created"]
    assert lines.records[5]["held_back"] == 995


def test_one_flood_does_not_hide_another_event(lines: Lines) -> None:
    sink = SecurityEvents(SecurityEventSettings(per_minute=2), now=lambda: 1000.0)

    for _ in range(100):
        sink(Event(EventType.AUTHN_LOGIN_FAIL))
    sink(Event(EventType.AUTHN_TOKEN_REUSE, level=Level.CRITICAL))

    assert lines.records[-1]["event"] == "authn_token_reuse"


def test_a_flood_of_many_kinds_is_bounded_in_lines_and_memory(lines: Lines) -> None:
    sink = SecurityEvents(SecurityEventSettings(per_minute=3), now=lambda: 1000.0)

    for number in range(5000):
        sink(Event(EventType.AUTHN_LOGIN_FAIL, reason=f"from {number}"))

    assert len(lines) <= 256 + 3
    assert len(sink._seen) <= 257


def test_what_is_held_back_can_be_flushed_at_shutdown(lines: Lines) -> None:
    sink = SecurityEvents(SecurityEventSettings(per_minute=1), now=lambda: 1000.0)
    for _ in range(3):
        sink(Event(EventType.AUTHN_LOGIN_FAIL))

    sink.flush()
    sink.flush()

    assert [record.get("held_back") for record in lines.records] == [None, 2]


SCRIPT = """
import logging
{setup}
from fastness.controls.security_events import SecurityEvents
from fastness.core.events import Event, EventType
sink = SecurityEvents()
{then}
sink(Event(EventType.AUTHN_LOGIN_SUCCESS))
"""


@pytest.mark.parametrize(
    ("setup", "then", "count"),
    [
        ("", "", 1),
        ("logging.basicConfig(format='%(message)s')", "", 1),
        ("", "logging.basicConfig(format='%(message)s')", 1),
        ("", "logging.getLogger('fastness.events').addHandler(logging.NullHandler())", 0),
        ("", "logging.getLogger('fastness.events').setLevel(logging.WARNING)", 0),
    ],
)
def test_an_event_reaches_stderr_once_unless_logging_says_otherwise(setup: str, then: str, count: int) -> None:
    code = SCRIPT.format(setup=setup, then=then)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stderr.count("authn_login_success") == count
    assert done.stdout == ""
