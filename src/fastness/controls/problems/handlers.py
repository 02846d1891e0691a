"""The exception handlers, and the one place that renders a refusal."""

from __future__ import annotations

import http
import json
import logging
import re
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from fastapi import exception_handlers as fastapi_defaults
from fastapi.exceptions import RequestValidationError, ValidationException
from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from fastness.controls.problems.validation import InvalidInput
from fastness.core.asgi import InternalError, plain_detail, problem
from fastness.core.declare import provides
from fastness.core.errors import BadRequest, Refused
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Header, current, of

_log = logging.getLogger("fastness")
_CODES = {
    400: "bad_request", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    406: "not_acceptable", 408: "request_timeout", 409: "conflict", 410: "gone", 411: "length_required",
    412: "precondition_failed", 413: "body_too_large", 414: "uri_too_long", 415: "unsupported_media_type",
    416: "range_not_satisfiable", 422: "invalid_input", 423: "locked", 428: "precondition_required",
    429: "rate_limited", 431: "headers_too_large", 500: "internal_error", 501: "not_implemented",
    502: "bad_gateway", 503: "unavailable", 504: "gateway_timeout",
}  # fmt: skip
_DEFAULTS = frozenset(
    {fastapi_defaults.http_exception_handler, fastapi_defaults.request_validation_exception_handler, None}
)
_HEADER = re.compile(r"[^\x20-\x7e\x80-\xff\t]")
_REFUSING = frozenset({401, 403})
_NO_BODY = frozenset({204, 205, 304})
_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}


class ProblemSettings(BaseModel, frozen=True):
    """FASTNESS_PROBLEMS__*"""

    shape: Literal["problem", "detail"] = Field(
        default="problem", description='`problem`: RFC 9457. `detail`: FastAPI\'s own `{"detail": ...}`.'
    )


class HttpProblem(Refused):
    """An `HTTPException` of the application or of Starlette, with its own status, text and headers."""

    def __init__(self, error: HTTPException) -> None:
        headers = {name: _HEADER.sub("", value) for name, value in (error.headers or {}).items()}
        if error.status_code == http.HTTPStatus.UNAUTHORIZED and "www-authenticate" not in map(str.lower, headers):
            headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 11.6.1: a 401 always has a challenge
        detail: Any = error.detail
        members = {} if isinstance(detail, str) else {"errors": _jsonable(detail)}
        super().__init__(str(error.status_code), headers=headers, members=members)
        phrase = _PHRASES.get(error.status_code, "Error")
        # These are class variables of a refusal; here the exception decides.
        self.__dict__.update(
            status=error.status_code,
            code=_CODES.get(error.status_code, re.sub(r"[^a-z]+", "_", phrase.lower().replace("'", ""))),
            public=detail if isinstance(detail, str) else phrase,
            event=EventType.AUTHZ_FAIL if error.status_code in _REFUSING else None,
        )


@provides("problems")
class Problems:
    """Renders refusals, and registers the exception handlers that make every error one."""

    def __init__(self, settings: ProblemSettings | None = None, *, emit: Sink = silent) -> None:
        self._shape = plain_detail if (settings or ProblemSettings()).shape == "detail" else problem
        self._emit = emit

    def install(self, app: Starlette) -> None:
        """Handle `Refused`, `HTTPException`, `RequestValidationError` and `Exception`, unless the user does."""
        table: dict[Any, Callable[..., Any]] = {
            Refused: self._on_refused,
            HTTPException: self._on_http_exception,
            RequestValidationError: self._on_invalid_input,
        }
        if 500 not in app.exception_handlers:  # noqa: PLR2004 - Starlette's other key for the same handler
            table[Exception] = self._on_exception
        _register(app, table)

    def install_refusals(self, app: Starlette) -> None:
        """Handle `Refused` alone: what the other controls raise becomes an answer, errors stay the application's."""
        _register(app, {Refused: self._on_refused})

    def answer(self, exchange: Exchange | None, refused: Refused) -> tuple[int, list[Header], bytes]:
        """Status, headers and body of a refusal; a refused caller is one event."""
        if refused.event is not None:
            self._tell(exchange, refused, refused.event)
        return self._shape(exchange, refused)

    def crashed(self, exchange: Exchange | None, error: Exception) -> Refused:
        """Log an unhandled exception once and report it; what outsiders see says nothing about it."""
        if isinstance(error, ClientDisconnect):
            return BadRequest("the client went away")
        kind = type(error).__name__
        _log.error("unhandled %s, request %s%s", kind, (exchange and exchange.request_id) or "-", _trace(error))
        self._report(error)
        return InternalError()

    def _report(self, error: Exception) -> None:
        details = {"exception": type(error).__name__}
        self._emit(Event(EventType.SYS_CRASH, level=Level.CRITICAL, reason="unhandled exception", details=details))

    async def _on_refused(self, request: Request | WebSocket, error: Refused) -> Response | None:
        return await self._respond(request, error)

    async def _on_http_exception(self, request: Request | WebSocket, error: HTTPException) -> Response | None:
        if error.status_code in _NO_BODY or error.status_code < http.HTTPStatus.OK:
            return Response(status_code=error.status_code, headers=error.headers)
        return await self._respond(request, HttpProblem(error))

    async def _on_invalid_input(self, request: Request, error: RequestValidationError) -> Response | None:
        refused = InvalidInput(error.errors())
        places = [f"{shown['type']} at {'.'.join(map(str, shown['loc']))}" for shown in refused.errors]
        self._emit(Event(EventType.INPUT_VALIDATION_FAIL, level=Level.WARN, details={"errors": places}))
        return await self._respond(request, refused)

    async def _on_exception(self, request: Request, error: Exception) -> Response | None:
        # Starlette raises the exception again after this answer, and the pipeline logs it then.
        if isinstance(error, Refused):
            return await self._respond(request, error)
        if of(request.scope) is None:
            self._report(error)
        return await self._respond(request, InternalError())

    def _tell(self, exchange: Exchange | None, refused: Refused, kind: EventType) -> None:
        who = exchange.principal.id if exchange is not None and exchange.principal is not None else None
        # Somebody who has not signed in yet is everyday; a credential or a known caller that is refused is not.
        everyday = who is None and kind is EventType.AUTHZ_FAIL and refused.status == http.HTTPStatus.UNAUTHORIZED
        details = {"why": refused.reason} if refused.reason else {}
        # The pipeline answers when the request is over.
        token = current.set(None if exchange is None else exchange.scope)
        try:
            self._emit(
                Event(kind, who=who, level=Level.INFO if everyday else Level.WARN, reason=refused.code, details=details)
            )
        finally:
            current.reset(token)

    def _respond(self, request: Request | WebSocket, refused: Refused) -> Awaitable[Response | None]:
        return _written(request, *self.answer(of(request.scope), refused))


def _register(app: Starlette, table: Mapping[Any, Callable[..., Any]]) -> None:
    for kind, handler in table.items():
        if app.exception_handlers.get(kind) in _DEFAULTS:
            app.exception_handlers[kind] = handler
            app.middleware_stack = None  # a stack that was built already has its handlers; Starlette builds another


async def _written(request: Request | WebSocket, status: int, headers: list[Header], body: bytes) -> Response | None:
    if isinstance(request, WebSocket) and "websocket.http.response" not in (request.scope.get("extensions") or {}):
        await request.close(1008)
        return None
    response = Response(b"" if request.scope.get("method") == "HEAD" else body, status)
    response.raw_headers = headers
    return response


def _jsonable(detail: object) -> Any:
    try:
        return json.loads(json.dumps(detail, default=str, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return None


def _trace(error: BaseException) -> str:
    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None and before not in chain:
        chain.append(before)
    # A validation error's message quotes what was validated, passwords and hashes included: frames and rules only.
    if not any(isinstance(each, ValidationException | ValidationError) for each in chain):
        return "\n" + "".join(traceback.format_exception(error))
    return "\n" + "".join(
        "".join(traceback.format_tb(each.__traceback__)) + f"{type(each).__name__}{_rules(each)}\n"
        for each in reversed(chain)
    )


def _rules(error: BaseException) -> str:
    if not isinstance(error, ValidationException | ValidationError):
        return ""
    found: list[Mapping[str, Any]] = list(error.errors())
    return f": {[('.'.join(map(str, each.get('loc', ()))), each.get('type')) for each in found[:20]]}"
