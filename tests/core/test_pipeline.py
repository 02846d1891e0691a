"""The pipeline: one answer for each request, and each failure logged once."""

from __future__ import annotations

import contextvars
import logging
import weakref
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI

from by_hand import LOCAL, ask, connect, http_scope, nothing
from fastness.controls.problems import Problems
from fastness.core.asgi import alone, log_crash, problem
from fastness.core.errors import Forbidden, Refused
from fastness.core.exchange import (
    Answered,
    Exchange,
    Header,
    Message,
    Pipeline,
    Quiet,
    Receive,
    Scope,
    Send,
    asked,
    of,
)

pytestmark = pytest.mark.anyio


class Mark(Quiet):
    """Says in the answer that it saw it."""

    def leave(self, exchange: Exchange, headers: list[Header], /) -> None:
        headers.append((b"x-mark", str(exchange.status).encode()))


class Answers(Quiet):
    def enter(self, exchange: Exchange, /) -> None:
        raise Answered(204, [(b"x-own", b"1")], b"body")


async def test_an_element_can_answer_and_every_leave_sees_the_answer() -> None:
    async def unasked(*_: Any) -> None:
        pytest.fail("the application was asked")

    reply = await ask(alone(unasked, Mark(), Answers()))

    assert (reply.status, reply.body) == (204, b"body")
    assert (reply.one("x-own"), reply.one("x-mark")) == ("1", "204")


async def test_what_a_server_adds_to_the_headers_later_reaches_nobody() -> None:
    scope = http_scope("POST")
    of_the_server = scope["headers"]
    seen: list[Header] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        seen.extend(scope["headers"])

    async def receive() -> Message:
        of_the_server.append((b"x-remote-user", b"root"))
        return {"type": "http.request"}

    async def send(_: Message) -> None: ...

    await alone(app, Mark())(scope, receive, send)

    assert seen == [LOCAL]


async def test_head_gets_the_headers_of_a_refusal_and_no_body() -> None:
    class No(Quiet):
        def enter(self, exchange: Exchange, /) -> None:
            raise Forbidden

    reply = await ask(alone(nothing, No()), "HEAD")

    assert (reply.status, reply.body) == (403, b"")


async def test_head_gets_no_body_from_the_application_side_either() -> None:
    app = FastAPI()
    Problems().install(app)

    reply = await ask(app, "HEAD", "/nowhere")

    assert (reply.status, reply.body) == (404, b"")
    assert int(reply.one("content-length") or 0) > 0


async def test_what_starlette_answers_and_raises_again_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()

    @app.get("/")
    async def crash() -> None:
        raise RuntimeError

    reply = await ask(Pipeline(app, [Mark()], answer=problem, crashed=log_crash))

    assert (reply.status, reply.one("x-mark")) == (500, "500")
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1


async def test_a_background_task_that_fails_is_logged_once_after_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()

    async def fail() -> None:
        raise RuntimeError

    @app.get("/")
    async def later(tasks: BackgroundTasks) -> str:
        tasks.add_task(fail)
        return "done"

    reply = await ask(Pipeline(app, [], answer=problem, crashed=log_crash))

    assert (reply.status, reply.json) == (200, "done")
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1


@pytest.mark.parametrize("error", [RuntimeError, Forbidden])
async def test_an_answer_that_breaks_midway_is_cut_off(error: type[Exception]) -> None:
    async def half(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise error

    with pytest.raises(error):
        await ask(alone(half))


async def test_a_refusal_that_must_win_wins_over_a_started_answer_and_over_a_crash() -> None:
    async def swallowed(scope: Any, receive: Any, send: Any) -> None:
        found = of(scope)
        assert found is not None
        found.replace = Forbidden()
        await nothing(scope, receive, send)

    async def wrapped(scope: Any, _: Any, __: Any) -> None:
        found = of(scope)
        assert found is not None
        found.replace = Forbidden()
        raise RuntimeError from found.replace

    for app in (swallowed, wrapped):
        reply = await ask(alone(app, Mark()))
        assert (reply.status, reply.one("x-mark"), reply.json["code"]) == (403, "403", "forbidden")


async def test_a_timer_that_keeps_the_connection_alive_does_not_keep_the_exchange() -> None:
    timers: list[contextvars.Context] = []
    exchanges: list[weakref.ref[Exchange]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def watched(message: Any) -> None:
            if message["type"] == "http.response.body":
                timers.append(contextvars.copy_context())  # as `call_later` does
                exchange = asked()
                assert exchange is not None
                exchanges.append(weakref.ref(exchange))
            await send(message)

        await nothing(scope, receive, watched)
        assert asked() is not None  # what follows the answer, a background task, still knows the request

    await ask(alone(app))

    assert timers[0].run(asked) is None
    assert exchanges[0]() is None


async def test_a_nested_pipeline_inherits_id_address_and_scheme() -> None:
    inner: list[Exchange | None] = []

    class Known(Quiet):
        def enter(self, exchange: Exchange, /) -> None:
            exchange.request_id, exchange.client, exchange.client_key, exchange.scheme = "id", "c", "k", "https"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        inner.append(of(scope))
        await nothing(scope, receive, send)

    await ask(alone(alone(app), Known()))

    found = inner[0]
    assert found is not None
    assert (found.request_id, found.client, found.client_key, found.scheme) == ("id", "c", "k", "https")
    assert found.principal is None


async def test_a_websocket_refused_after_it_was_accepted_is_closed_without_waiting_for_the_client() -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise Refused

    sent = await connect(alone(app), headers=[LOCAL])

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == 1008
