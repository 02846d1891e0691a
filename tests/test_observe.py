"""One switch to adopt the controls on a living application: they report what they would refuse, and say so at the start."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Depends, FastAPI

from accounts.serving import running
from by_hand import LOCAL, Seen, ask
from fastness import Principal, Settings, limit, public, secure
from fastness.chain import Secured
from fastness.controls.csrf import CsrfSettings
from fastness.controls.headers import HeaderSettings
from fastness.controls.limits import LimitSettings

pytestmark = pytest.mark.anyio

SECRET = "qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"


def living(events: Seen, **settings: Any) -> tuple[FastAPI, Secured]:
    """An application as it was before anybody declared anything."""
    app = FastAPI()
    chosen = Settings.model_validate({"environment": "development", "mode": "observe", "secret": [SECRET], **settings})

    async def find(value: bytes) -> Principal | None:
        return Principal("ada", session="s1") if value == b"good" else None

    secured = secure(app, chosen, cookies=find, security_events=events)  # type: ignore[arg-type]

    @app.get("/limited", dependencies=[Depends(limit("1/minute"))])
    @public("a page")
    async def limited() -> str:
        return "hello"

    @app.get("/forgotten")
    async def forgotten() -> str:
        return "hello"

    @app.post("/forgotten")
    async def change() -> str:
        return "changed"

    return app, secured


async def test_nothing_that_can_only_report_refuses() -> None:
    events = Seen()
    app, secured = living(events)
    session = (b"cookie", b"__Host-session=good")
    evil = (b"origin", b"https://evil.example")

    async with running(app):
        limited = [await ask(app, "GET", "/limited") for _ in range(3)]
        forgotten = await ask(app, "GET", "/forgotten")
        crossed = await ask(app, "POST", "/forgotten", headers=[LOCAL, session, evil])

    assert secured.problems() == []
    assert [reply.status for reply in (*limited, forgotten, crossed)] == [200] * 5
    assert limited[0].one("content-security-policy") is None
    assert limited[0].one("content-security-policy-report-only") is not None
    assert {"excess_rate_limit_exceeded", "malicious_csrf"} <= set(events.types)
    assert "2 UNDECLARED" in secured.report()


async def test_what_still_protects_does_so() -> None:
    app, _ = living(Seen())

    async with running(app):
        host = await ask(app, "GET", "/limited", headers=[(b"host", b"evil.example")])
        large = await ask(app, "POST", "/forgotten", headers=[LOCAL, (b"content-length", b"9999999")])

    assert (host.status, large.status) == (400, 413)


async def test_the_start_says_loudly_what_only_observes() -> None:
    events = Seen()
    app, secured = living(events)

    async with running(app):
        report = secured.report()
    (started,) = [event for event in events if event.type == "sys_startup"]

    assert "ONLY OBSERVED, NOTHING IS REFUSED BY: csrf, headers, limits, undeclared routes" in report
    assert str(started.level) == "WARN"
    assert started.details["observing"] == "csrf,headers,limits,undeclared routes"


async def test_a_control_that_says_otherwise_enforces() -> None:
    app, secured = living(
        Seen(),
        limits=LimitSettings(mode="enforce"),
        headers=HeaderSettings(mode="enforce"),
        csrf=CsrfSettings(mode="enforce"),
        undeclared_routes="refuse",
    )

    replies = [await ask(app, "GET", "/limited") for _ in range(2)]

    assert secured.observing == []
    assert "OBSERVED" not in secured.report()
    assert [reply.status for reply in replies] == [503, 503]  # the forgotten route stops the start again


async def test_the_switch_that_serves_undeclared_routes_alone_is_as_loud() -> None:
    _, secured = living(Seen(), mode="enforce", undeclared_routes="warn")

    assert secured.observing == ["undeclared routes"]
    assert "ONLY OBSERVED, NOTHING IS REFUSED BY: undeclared routes" in secured.report()


@pytest.mark.parametrize("name", ["FASTNESS_MODE", "FASTNESS_LIMITS__MODE"])
def test_it_comes_from_the_environment_and_one_control_alone_can_observe(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("FASTNESS_ENVIRONMENT", "development")
    monkeypatch.setenv(name, "observe" if name == "FASTNESS_MODE" else "log")
    secured = secure(FastAPI())

    assert "limits" in secured.observing
    assert ("headers" in secured.observing) is (name == "FASTNESS_MODE")


def test_by_default_everything_is_enforced() -> None:
    secured = secure(FastAPI(), Settings(environment="development"))

    assert secured.observing == []
    assert "OBSERVED" not in secured.report()
