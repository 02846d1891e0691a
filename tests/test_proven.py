"""What the doctor says was seen: each verdict is true of a sound application, and false when its control is broken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException

from fastness import CurrentUser, Settings, limit, public, require, secure
from fastness.controls.access import Authentication
from fastness.controls.apikeys import ApiKeys, MemoryApiKeys
from fastness.controls.body import Body, BodySettings
from fastness.controls.cookies.cookie import SessionCookie
from fastness.controls.cors import Cors
from fastness.controls.csrf import Csrf
from fastness.controls.docs import DocSettings
from fastness.controls.headers import Headers
from fastness.controls.hosts import Hosts
from fastness.controls.limits import AddressLimits
from fastness.controls.oddities import Oddities
from fastness.controls.problems import Problems
from fastness.controls.proxies import Proxies
from fastness.controls.request_id import RequestId
from fastness.controls.security_events import SecurityEvents
from fastness.controls.tokens import Tokens
from fastness.controls.websockets import WebSockets
from fastness.core.asgi import problem
from fastness.core.principal import Principal
from fastness.proven import State, Verdict, prove
from fastness.proven.driver import NotStarted
from fastness.rules import Gate

pytestmark = pytest.mark.anyio

SECRET = "qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"
touched: list[str] = []


async def find(value: bytes) -> Principal | None:
    return Principal("ada", session="s1") if value == b"opaque" else None


def application(**parts: Any) -> FastAPI:
    app = FastAPI()
    settings = parts.pop("settings", None) or Settings(environment="development")
    browser: dict[str, Any] = {"cookies": find, "apikeys": MemoryApiKeys(), "cors": ["https://app.example.com"]}
    secure(app, settings, **{**browser, **parts})

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        touched.append("me")
        return user.id

    @app.delete("/users/{number}", dependencies=[Depends(require(role="admin"))])
    async def remove(number: int) -> None:
        touched.append("remove")

    @app.get("/{path:path}", dependencies=[Depends(limit("1/day"))])
    @public("pages")
    async def page(path: str) -> str:
        touched.append("page")
        return path

    return app


async def seen(app: FastAPI) -> dict[str, Verdict]:
    return {verdict.control: verdict for verdict in await prove(app)}


TRIED = {
    "headers", "request_id", "hosts", "cors", "problems", "body", "limits", "access", "tokens", "proxies",
    "deny by default", "security_events", "cookies", "csrf", "websockets", "docs", "apikeys", "oddities",
}  # fmt: skip


async def test_everything_works_and_no_handler_of_the_application_ran() -> None:
    touched.clear()

    found = await seen(application())

    assert {name for name, verdict in found.items() if verdict.state is State.WORKS} == TRIED
    assert {verdict.state for name, verdict in found.items() if name not in TRIED} <= {State.NOT_TRIED}
    assert touched == []


async def test_in_production_too() -> None:
    settings = Settings.model_validate({"secret": [SECRET], "public_url": "https://api.example.com"})

    found = await seen(application(settings=settings))

    assert {name for name, verdict in found.items() if verdict.state is State.WORKS} == TRIED - {"docs"}
    assert found["docs"].state is State.OFF
    assert found["hosts"].seen == "api.example.com is answered, a foreign Host is 400"


async def test_what_was_said_in_code_counts_and_not_what_settings_would_say() -> None:
    found = await seen(application(hosts=["api.example.com"], body=BodySettings(max_bytes=2**21)))

    assert {name for name, verdict in found.items() if verdict.state is State.WORKS} == TRIED
    assert found["hosts"].seen == "api.example.com is answered, a foreign Host is 400"
    assert found["body"].seen == "2097153 bytes are 413, announced or not"


@pytest.mark.parametrize(
    ("status", "state", "said"),
    [
        (303, State.WORKS, "401 without credentials, and on 1 protected GET routes of the application"),
        (422, State.WORKS, "401 without credentials; 1 others were not tried"),
        (200, State.FAILS, "GET /own needs a caller and answers 200 without one"),
    ],
)
async def test_access_of_the_applications_own_closes_in_its_own_way(status: int, state: State, said: str) -> None:
    app = FastAPI()

    def current_user() -> None:
        if status != 200:
            raise HTTPException(status, headers={"location": "/login"})

    secure(app, Settings(environment="development"), access=[current_user])

    @app.get("/own", dependencies=[Depends(current_user)])
    async def own() -> None: ...

    assert (await seen(app))["access"] == Verdict("access", state, said)


def nothing(*_: Any, **__: Any) -> None:
    return None


def believes(_: Any, raw: bytes) -> Principal:
    return Principal("anybody")


def forwarded(self: Proxies, exchange: Any) -> None:
    exchange.client = exchange.client_key = exchange.headers.get(b"x-forwarded-for", b"203.0.113.1").decode()


def quotes(self: Problems, exchange: Any, refused: Any) -> Any:
    status, headers, body = problem(exchange, refused)
    return status, headers[:1], body + b"canary-7f3a91"


async def lets_in(self: Authentication, exchange: Any) -> None:
    exchange.principal = Principal("anybody")


BROKEN: list[tuple[str, type, str, Callable[..., Any]]] = [
    ("headers", Headers, "leave", nothing),
    ("request_id", RequestId, "enter", nothing),
    ("hosts", Hosts, "enter", nothing),
    ("cors", Cors, "leave", nothing),
    ("oddities", Oddities, "enter", nothing),
    ("problems", Problems, "answer", quotes),
    ("body", Body, "enter", nothing),
    ("limits", AddressLimits, "enter", nothing),
    ("access", Authentication, "enter", lets_in),
    ("tokens", Tokens, "verify", believes),
    ("proxies", Proxies, "enter", forwarded),
    ("deny by default", Gate, "enter", nothing),
    ("cookies", SessionCookie, "read", nothing),
    ("csrf", Csrf, "enter", nothing),
    ("websockets", WebSockets, "enter", nothing),
    ("apikeys", ApiKeys, "__call__", nothing),
    ("security_events", SecurityEvents, "_take", nothing),
]


@pytest.mark.parametrize(("control", "kind", "method", "instead"), BROKEN, ids=[case[0] for case in BROKEN])
async def test_a_broken_control_is_not_said_to_work(
    monkeypatch: pytest.MonkeyPatch, control: str, kind: type, method: str, instead: Callable[..., Any]
) -> None:
    monkeypatch.setattr(kind, method, instead)

    found = await seen(application())

    assert found[control].state in {State.FAILS, State.NOT_TRIED}
    if control != "security_events":  # nothing is told: the events may go to a sink of the application's own
        assert found[control].state is State.FAILS


async def test_documentation_for_callers_only_is_closed_or_said_to_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = await seen(application(docs=DocSettings(access="required")))
    monkeypatch.setattr(Authentication, "enter", lets_in)
    opened = await seen(application(docs=DocSettings(access="required")))

    assert closed["docs"] == Verdict("docs", State.WORKS, "/openapi.json is 401 without credentials")
    assert opened["docs"].state is State.FAILS


async def test_every_question_has_a_broken_control() -> None:
    assert {case[0] for case in BROKEN} == TRIED - {"docs"}  # open here, as configured


async def test_what_is_off_or_only_observes_is_not_said_to_work() -> None:
    off = await seen(application(hosts=False, security_events=False))
    observing = await seen(application(settings=Settings(environment="development", mode="observe")))

    assert (off["hosts"].state, off["security_events"].state) == (State.OFF, State.OFF)
    names = ("headers", "limits", "csrf", "deny by default")
    assert {observing[name].state for name in names} == {State.OBSERVES}
    assert observing["proxies"].state is State.NOT_TRIED


async def test_an_application_that_does_not_start_or_is_not_secured_says_so() -> None:
    weak = application(settings=Settings.model_validate({"environment": "development", "secret": ["secret"]}))

    with pytest.raises(NotStarted, match="published example"):
        await prove(weak)
    with pytest.raises(ValueError, match="was not called"):
        await prove(FastAPI())


async def test_the_log_is_as_it_was_and_heard_nothing(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("fastness")
    before = (log.handlers, log.level, log.propagate)

    await prove(application())

    assert (log.handlers, log.level, log.propagate) == before
    assert "canary" not in caplog.text
    assert "RuntimeError" not in caplog.text
