"""Reading scopes and writing problems (RFC 9457), without any framework."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from fastness.core.errors import Refused
from fastness.core.exchange import App, Element, Exchange, Header, Pipeline

_log = logging.getLogger("fastness")
_dumped = json.JSONEncoder(separators=(",", ":")).encode
_TITLES = {status.value: status.phrase for status in HTTPStatus}


class InternalError(Refused):
    """Something broke; the log has the details under the request id."""

    code, status, public = "internal_error", 500, "An internal error occurred."


def problem(exchange: Exchange | None, refused: Refused) -> tuple[int, list[Header], bytes]:
    """Status, headers and body of an `application/problem+json` answer, with stable `code` and `request_id`."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(refused.status, "Error"),
        "status": refused.status,
        "detail": refused.public,
        "code": refused.code,
        **refused.members,
    }
    if exchange is not None and exchange.request_id:
        body["request_id"] = exchange.request_id
    return _packed(refused, body, b"application/problem+json")


def plain_detail(_: Exchange | None, refused: Refused) -> tuple[int, list[Header], bytes]:
    """The shape FastAPI's own errors have: `{"detail": ...}`."""
    return _packed(refused, {"detail": refused.members.get("errors", refused.public)}, b"application/json")


def _packed(refused: Refused, body: dict[str, Any], content_type: bytes) -> tuple[int, list[Header], bytes]:
    raw = _dumped(body).encode()
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(raw))]
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in refused.headers.items()]
    return refused.status, headers, raw


def log_crash(exchange: Exchange, error: Exception) -> Refused:
    """Log an unhandled exception once, with its traceback, and give the refusal that outsiders see."""
    _log.error("unhandled exception, request %s", exchange.request_id or "-", exc_info=error)
    return InternalError()


def alone(app: App, *elements: Element) -> Pipeline:
    """Elements as ASGI middleware without the rest of the chain: `app.add_middleware(alone, Headers())`.

    Several are given outermost first. An unhandled exception becomes our 500 here, so that it carries their headers.
    """
    return Pipeline(app, elements, answer=problem, crashed=log_crash)
