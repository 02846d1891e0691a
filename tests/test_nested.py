"""A secured application mounted in a secured one: each decides about its own routes, and one request is counted once."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.responses import PlainTextResponse

from by_hand import LOCAL, Seen, ask
from fastness import CurrentUser, Settings, limit, public, secure
from fastness.chain import Secured

pytestmark = pytest.mark.anyio


def development() -> Settings:
    return Settings(environment="development")


async def files(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("a file")(scope, receive, send)


async def theirs() -> str:
    return "theirs"


def nested(**parts: Any) -> tuple[FastAPI, Secured, Secured, FastAPI]:
    outer, inner, deep = FastAPI(), FastAPI(), FastAPI()

    @inner.get("/me")
    @deep.get("/me")
    @outer.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    inner.add_api_route("/theirs", lambda: "open", dependencies=[Depends(theirs)])
    inner.add_api_route(
        "/limited", public("twice a minute")(lambda: "open"), dependencies=[Depends(limit("2/minute", by="address"))]
    )
    inner.mount("/files", files)
    inner.mount("/deep", deep)
    outer.mount("/sub", inner)
    within = secure(inner, development(), access=[theirs], public={"/files": "style sheets"})
    return outer, secure(outer, development(), **parts), within, inner


def bearer(secured: Secured) -> list[tuple[bytes, bytes]]:
    assert secured.tokens is not None
    return [LOCAL, (b"authorization", b"Bearer " + secured.tokens.issue("ada").encode())]


async def test_what_the_inner_application_declared_is_enough() -> None:
    outer, secured, _, _ = nested()

    assert secured.problems() == []
    assert "left to the chain of a mounted application" in secured.report()
    assert [(await ask(outer, path=path)).status for path in ("/sub/theirs", "/sub/files/a", "/sub/me")] == [
        200,
        200,
        401,
    ]


async def test_each_application_takes_its_own_tokens_only() -> None:
    outer, secured, within, _ = nested()
    paths = ("/me", "/sub/me", "/sub/deep/me")

    for whose, expected in ((secured, [200, 401, 401]), (within, [401, 200, 200])):
        assert [(await ask(outer, path=path, headers=bearer(whose))).status for path in paths] == expected


async def test_what_the_inner_application_left_open_stops_the_outer_start() -> None:
    _, secured, _, inner = nested()

    inner.add_api_route("/door", lambda: "open")

    assert "GET /door" in str(secured.problems()[0])


async def test_a_route_added_to_the_inner_application_after_the_start_answers_403() -> None:
    outer, _, _, inner = nested()
    assert (await ask(outer, path="/sub/files/a")).status == 200

    inner.add_api_route("/late", lambda: "open")

    assert (await ask(outer, path="/sub/late")).status == 403


async def test_a_declared_limit_counts_a_request_once_and_a_refusal_is_one_event() -> None:
    events = Seen()
    outer, _, _, _ = nested(security_events=events)

    replies = [await ask(outer, path="/sub/limited") for _ in range(3)]
    await ask(outer, path="/sub/me")

    assert [reply.status for reply in replies] == [200, 200, 429]
    assert [kind for kind in events.types if not kind.startswith("sys_")] == []
    assert len(replies[0].all("ratelimit")) == 1
    assert len(replies[0].all("x-request-id")) == 1
