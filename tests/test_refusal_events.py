"""Each refused caller is one event, wherever the refusal was raised, and a flood of them is no flood of lines."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException, WebSocket

from by_hand import LOCAL, Seen, ask, connect
from fastness import CurrentUser, OptionalUser, Settings, public, require, secure
from fastness.chain import Secured
from fastness.controls.problems import ProblemSettings
from fastness.core.errors import InvalidToken
from fastness.core.events import Event
from fastness.core.exchange import asked

pytestmark = pytest.mark.anyio

BAD = (b"authorization", b"Bearer nonsense")


class Noted(Seen):
    """A sink that also keeps which request an event was about."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str | None] = []

    def __call__(self, event: Event) -> None:
        if not str(event.type).startswith("sys_"):
            super().__call__(event)
            about = asked()
            self.addresses.append(about.client if about is not None else None)


def application(**parts: Any) -> tuple[FastAPI, Secured]:
    app, inner = FastAPI(), FastAPI()

    @app.get("/me")
    @inner.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    @app.get("/maybe")
    @public("both are greeted")
    async def maybe(user: OptionalUser) -> bool:
        return user is None

    @app.get("/open")
    @public("nobody is asked")
    async def open_() -> None: ...

    @app.get("/admin", dependencies=[Depends(require(role="admin"))])
    async def admin() -> None: ...

    @app.get("/fresh", dependencies=[Depends(require(fresh="1m"))])
    async def fresh() -> None: ...

    @app.get("/own/{status}")
    @public("it decides itself")
    async def own(status: int) -> None:
        raise HTTPException(status)

    @app.get("/late")
    @public("it finds out late")
    async def late() -> None:
        raise InvalidToken("the account is gone")

    @app.websocket("/ws")
    async def ws(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()

    app.mount("/sub", inner)
    return app, secure(app, Settings(environment="development"), **parts)


@pytest.mark.parametrize(
    ("path", "credential", "told"),
    [
        ("/me", "", [("authz_fail", "INFO", None, "unauthenticated")]),
        ("/sub/me", "", [("authz_fail", "INFO", None, "unauthenticated")]),
        ("/me", "bad", [("authn_token_fail", "WARN", None, "invalid_token")]),
        ("/maybe", "bad", [("authn_token_fail", "WARN", None, "invalid_token")]),
        ("/late", "", [("authn_token_fail", "WARN", None, "invalid_token")]),
        ("/admin", "ada", [("authz_fail", "WARN", "ada", "insufficient_scope")]),
        ("/fresh", "ada", [("authz_fail", "WARN", "ada", "insufficient_user_authentication")]),
        ("/own/403", "ada", [("authz_fail", "WARN", "ada", "forbidden")]),
        ("/own/401", "", [("authz_fail", "INFO", None, "unauthenticated")]),
        ("/own/404", "", []),
        ("/open", "bad", []),
        ("/me", "ada", []),
        ("/nowhere", "", []),
    ],
)
@pytest.mark.parametrize("shape", ["problem", "detail", "off"])
async def test_a_refused_caller_is_told_once(path: str, credential: str, told: list[Any], shape: str) -> None:
    events = Noted()
    if shape == "off" and path.startswith("/own"):
        pytest.skip("with problems off, the application's own errors are its own affair")
    settings = Settings(
        environment="development",
        problems=ProblemSettings.model_validate({"shape": "problem" if shape == "off" else shape}),
    )
    app, secured = application(security_events=events, problems=False if shape == "off" else settings.problems)
    assert secured.tokens is not None
    good = (b"authorization", b"Bearer " + secured.tokens.issue("ada", authenticated_at=1.0).encode())
    headers = {"": [LOCAL], "bad": [LOCAL, BAD], "ada": [LOCAL, good]}[credential]

    await ask(app, path=path, headers=headers)

    assert [(str(e.type), str(e.level), e.who, e.reason) for e in events] == told
    assert events.addresses == ["203.0.113.7"] * len(told)


@pytest.mark.parametrize("denial", [True, False])
@pytest.mark.parametrize(("headers", "told"), [([LOCAL], "authz_fail"), ([LOCAL, BAD], "authn_token_fail")])
async def test_a_refused_websocket_is_told_once(*, denial: bool, headers: Any, told: str) -> None:
    events = Noted()
    app, _ = application(security_events=events)

    await connect(app, headers=headers, denial=denial)

    assert events.types == [told]


async def test_a_flood_of_refusals_is_counted_and_not_written(caplog: pytest.LogCaptureFixture) -> None:
    app, _ = application()
    caplog.set_level(logging.INFO, "fastness.events")

    for number in range(200):
        headers = [LOCAL, (b"authorization", b"Bearer nonsense%d" % number)]
        assert (await ask(app, path="/me", headers=headers)).status == 401

    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "fastness.events"]
    told = [line for line in lines if line["event"] == "authn_token_fail"]
    assert len(told) == 60
    assert told[0]["source_ip"] == "203.0.113.7"
    assert told[0]["request_id"]
    assert "nonsense" not in json.dumps(lines)
