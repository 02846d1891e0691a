"""Problems: one shape for every error, nothing of the input, nothing of the inside."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Body, FastAPI, HTTPException, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer, OAuth2PasswordBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, HttpUrl, model_validator
from pydantic_core import PydanticCustomError
from starlette.requests import ClientDisconnect

from by_hand import LOCAL, Reply, Seen, ask, connect
from fastness.controls.problems import Problems, ProblemSettings
from fastness.controls.request_id import RequestId
from fastness.core.errors import Forbidden, InvalidToken, Refused
from fastness.core.events import silent
from fastness.core.exchange import Pipeline

pytestmark = pytest.mark.anyio

SECRET = "hunter2secret"
JSON = (b"content-type", b"application/json")
DATA = Path(__file__).parents[1] / "data/attacks"


def be_loud(value: str) -> str:
    if value != "fine":
        raise ValueError(f"{value} is not fine")
    return value


def be_custom(value: str) -> str:
    raise PydanticCustomError("too_weak", "{given} is too weak", {"given": value})


def be_ours(value: str) -> str:
    raise PydanticCustomError("fastness_weak", "Too common. Choose another.")


class Account(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    password: Annotated[str, Field(min_length=40)]
    age: Annotated[int, Field(ge=0, le=200)] = 0
    mail: EmailStr | None = None
    link: HttpUrl | None = None
    key: UUID | None = None
    loud: Annotated[str, AfterValidator(be_loud)] = "fine"
    custom: Annotated[str, AfterValidator(be_custom)] = "fine"
    ours: Annotated[str, AfterValidator(be_ours)] = "fine"

    @model_validator(mode="after")
    def no(self) -> Account:
        assert self.name != SECRET, self.name
        return self


class Hash(BaseModel):
    password_hash: int


def build(settings: ProblemSettings | None = None, *, emit: Any = silent, app: FastAPI | None = None) -> FastAPI:  # noqa: C901 - routes
    app = app or FastAPI()
    problems = Problems(settings, emit=emit)

    @app.post("/accounts")
    async def add(account: Account) -> None: ...

    @app.post("/any")
    async def anything(given: Annotated[dict[str, int], Body()]) -> None: ...

    @app.get("/items/{number}")
    async def item(number: int) -> None: ...

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError(f"database password {SECRET}")

    @app.get("/hash", response_model=Hash)
    async def leak() -> Any:
        return {"password_hash": SECRET}

    @app.get("/refused")
    async def refused() -> None:
        raise Forbidden("the reason is for the log")

    @app.get("/raised/{status}")
    async def raised(status: int) -> None:
        headers = {"Retry-After": "9", "X-Bad": "a\r\nset-cookie: b=c"}
        raise HTTPException(status, detail="said by the application", headers=headers)

    @app.get("/structured")
    async def structured() -> None:
        raise HTTPException(409, detail={"field": "name", "worst": float("nan"), "who": object()})

    @app.get("/bearer", dependencies=[Security(HTTPBearer())])
    async def bearer() -> None: ...

    @app.get("/oauth", dependencies=[Security(OAuth2PasswordBearer("token"))])
    async def oauth() -> None: ...

    @app.get("/bare")
    async def bare() -> None:
        raise HTTPException(401)

    @app.get("/gone")
    async def gone() -> None:
        raise ClientDisconnect

    problems.install(app)
    original = app.build_middleware_stack
    chain = [RequestId()]
    app.build_middleware_stack = lambda: Pipeline(  # type: ignore[method-assign]
        original(), chain, answer=problems.answer, crashed=problems.crashed
    )
    return app


async def post(body: bytes, path: str = "/accounts", **how: Any) -> Reply:
    return await ask(build(**how), "POST", path, headers=[LOCAL, JSON], body=[body])


@pytest.mark.parametrize(
    "given",
    [
        {"name": "a", "password": SECRET},
        {"password": SECRET},
        {"name": SECRET, "password": SECRET * 9},
        {"name": "a", "password": SECRET * 9, "mail": SECRET, "link": SECRET, "key": SECRET, "age": SECRET},
        {"name": "a", "password": SECRET * 9, "loud": SECRET, "custom": SECRET},
        {"name": "a", "password": SECRET * 9, "age": [SECRET]},
        SECRET,
        [SECRET],
    ],
)
async def test_a_422_never_repeats_what_was_sent(given: object) -> None:
    reply = await post(json.dumps(given).encode())

    assert (reply.status, reply.json["code"]) == (422, "invalid_input")
    assert SECRET.encode() not in reply.body
    assert {tuple(error) for error in reply.json["errors"]} == {("loc", "type", "msg")}


async def test_a_422_says_where_and_which_rule() -> None:
    reply = await post(b'{"name": "a", "password": "b", "age": -1, "key": "zz", "extra": 1, "ours": "x"}')

    found = {error["loc"][-1]: (error["type"], error["msg"]) for error in reply.json["errors"]}
    assert found["password"] == ("string_too_short", "String should have at least 40 characters")
    assert found["age"] == ("greater_than_equal", "Input should be greater than or equal to 0")
    assert found["key"] == ("uuid_parsing", "Input should be a valid UUID")
    assert found["extra"] == ("extra_forbidden", "Extra inputs are not permitted")
    assert found["ours"] == ("fastness_weak", "Too common. Choose another.")


async def test_messages_of_the_applications_own_validators_are_not_shown() -> None:
    reply = await post(json.dumps({"name": "a", "password": "b" * 50, "loud": "x", "custom": "y"}).encode())

    assert [error["msg"] for error in reply.json["errors"]] == ["The value is not valid."] * 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": NaN, "password": Infinity}', b'{"name": "\\ud800", "password": "\\ud800"}', b"{", b"", b"null",
        b'{"\\ud800": 1, "name": "a"}', b'{"a\\u0000b\\u202e\\n": 1}', b'{"age": 1e999}', b"[" * 5000, b"\xff\xfe",
    ],
)  # fmt: skip
async def test_odd_json_gets_a_4xx_in_valid_json(body: bytes) -> None:
    reply = await post(body)

    assert 400 <= reply.status < 500
    assert reply.json["code"] in {"invalid_input", "bad_request"}
    assert reply.body.decode().isprintable()


@pytest.mark.parametrize("case", json.loads((DATA / "json_parsing.json").read_text()), ids=lambda case: case["name"])
async def test_no_json_of_the_corpus_gets_a_500(case: dict[str, str]) -> None:
    reply = await post(base64.b64decode(case["b64"]), "/any")

    assert reply.status in {200, 400, 422}
    assert len(reply.body) <= 4096


@pytest.mark.parametrize("key", ["x" * 10_000, "é" * 500, "\U0001f600" * 500, "\ud83d" * 300, "\n\x1b[2K" * 200])
async def test_a_422_is_at_most_4_kb_with_at_most_20_errors(key: str) -> None:
    given = {"name": "a", "password": "b", **{f"{n}{key}": 1 for n in range(500)}}

    reply = await post(json.dumps(given).encode())

    assert (reply.status, len(reply.body) <= 4096) == (422, True)
    assert 1 <= len(reply.json["errors"]) <= 20
    assert all(len(part) <= 64 and part.isprintable() for e in reply.json["errors"] for part in e["loc"])


async def test_deep_places_are_cut() -> None:
    app = FastAPI()

    @app.post("/deep")
    async def deep(given: dict[str, dict[str, dict[str, int]]]) -> None: ...

    key = "\U0001f600" * 64
    reply = await ask(
        build(app=app), "POST", "/deep", headers=[LOCAL, JSON], body=[json.dumps({key: {key: {key: "x"}}}).encode()]
    )

    assert (reply.status, len(reply.body) <= 4096, len(reply.json["errors"])) == (422, True, 1)


async def test_an_unhandled_exception_is_logged_once_with_its_id_and_shown_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = Seen()

    reply = await ask(build(emit=seen), path="/crash")

    assert (reply.status, reply.json["code"]) == (500, "internal_error")
    assert reply.json["request_id"] == reply.one("x-request-id")
    assert SECRET.encode() not in reply.body
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert reply.json["request_id"] in errors[0].getMessage()
    assert "RuntimeError" in errors[0].getMessage()
    assert seen.types == ["sys_crash"]


async def test_a_refused_response_is_logged_without_its_values(caplog: pytest.LogCaptureFixture) -> None:
    reply = await ask(build(), path="/hash")

    assert reply.status == 500
    assert SECRET not in caplog.text
    assert "int_parsing" in caplog.text


async def test_a_client_that_went_away_is_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    seen = Seen()

    await ask(build(emit=seen), path="/gone")

    assert seen == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_refusal_keeps_its_reason_for_the_log() -> None:
    reply = await ask(build(), path="/refused")

    assert (reply.status, reply.json["code"]) == (403, "forbidden")
    assert reply.one("content-type") == "application/problem+json"
    assert b"for the log" not in reply.body


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/missing", "GET", 404, "not_found"), ("/crash", "PUT", 405, "method_not_allowed"),
        ("/raised/409", "GET", 409, "conflict"), ("/raised/499", "GET", 499, "error"),
        ("/raised/418", "GET", 418, "im_a_teapot"), ("/raised/413", "GET", 413, "body_too_large"),
        ("/items/x", "GET", 422, "invalid_input"),
    ],
)  # fmt: skip
async def test_every_status_has_a_stable_code(path: str, method: str, status: int, code: str) -> None:
    reply = await ask(build(), method, path)

    assert (reply.status, reply.json["status"], reply.json["code"]) == (status, status, code)


async def test_an_http_exception_keeps_text_and_headers_and_cannot_split_them() -> None:
    reply, method = await ask(build(), path="/raised/409"), await ask(build(), "PUT", "/crash")

    assert reply.json["detail"] == "said by the application"
    assert reply.one("retry-after") == "9"
    assert reply.one("set-cookie") is None
    assert "\n" not in (reply.one("x-bad") or "")
    assert method.one("allow") == "GET"


async def test_a_detail_that_is_no_text_or_no_json_is_no_500() -> None:
    reply = await ask(build(), path="/structured")

    assert (reply.status, reply.json["detail"]) == (409, "Conflict")


async def test_a_status_without_body_has_none() -> None:
    reply = await ask(build(), path="/raised/304")

    assert (reply.status, reply.body) == (304, b"")


@pytest.mark.parametrize("path", ["/bearer", "/oauth", "/bare"])
async def test_a_401_always_has_a_challenge(path: str) -> None:
    reply = await ask(build(), path=path)

    assert (reply.status, reply.one("www-authenticate")) == (401, "Bearer")


async def test_fastapis_shape_by_setting() -> None:
    settings = ProblemSettings(shape="detail")

    missing = await ask(build(settings), path="/missing")
    invalid = await ask(build(settings), path="/items/x")

    assert missing.json == {"detail": "Not Found"}
    assert [error["loc"] for error in invalid.json["detail"]] == [["path", "number"]]
    assert missing.one("content-type") == "application/json"


async def test_handlers_that_the_user_registered_stay() -> None:
    app = FastAPI()

    @app.exception_handler(404)
    async def mine(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"mine": 404}, 404)

    @app.exception_handler(Exception)
    async def crashed(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"mine": 500}, 500)

    chain = build(app=app)

    assert (await ask(chain, path="/missing")).json == {"mine": 404}
    assert (await ask(chain, path="/crash")).json == {"mine": 500}
    assert (await ask(chain, path="/refused")).json["code"] == "forbidden"


async def test_a_validation_failure_is_an_event_with_places_and_without_values() -> None:
    seen = Seen()

    await post(json.dumps({"name": "a", "password": SECRET}).encode(), emit=seen)

    assert seen.types == ["input_validation_fail"]
    assert seen[0].details == {"errors": ["string_too_short at body.password"]}


async def test_it_works_without_the_chain() -> None:
    app = FastAPI()
    Problems().install(app)

    @app.get("/refused")
    async def refused() -> None:
        raise InvalidToken

    reply = await ask(app, path="/refused")

    assert (reply.status, reply.json["code"]) == (401, "invalid_token")
    assert reply.one("www-authenticate") == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("denial", [True, False])
async def test_a_refused_websocket_is_denied_or_closed(*, denial: bool) -> None:
    app = FastAPI()

    @app.websocket("/ws")
    async def refuse(websocket: Any) -> None:
        raise Refused

    @app.websocket("/plain")
    async def plain() -> None:
        raise Refused

    sent = await connect(build(app=app), "/plain", denial=denial)

    if denial:
        assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 400)
    else:
        assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]
