"""Requests to other servers that cannot be pointed inside (SSRF): OWASP API7:2023, API10:2023; ASVS 5.0 1.3.6."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fastness.controls.outbound.refusals import (
    OutboundAnswerRefused,
    OutboundError,
    OutboundFailed,
    OutboundRefused,
    OutboundTimeout,
)
from fastness.controls.outbound.settings import OutboundSettings
from fastness.core.errors import MissingExtra

if TYPE_CHECKING:
    from fastness.controls.outbound.http_client import OutboundClient, client
    from fastness.controls.outbound.transport import OutboundTransport

__all__ = [
    "OutboundAnswerRefused",
    "OutboundClient",
    "OutboundError",
    "OutboundFailed",
    "OutboundRefused",
    "OutboundSettings",
    "OutboundTimeout",
    "OutboundTransport",
    "client",
]

_NEED_HTTPX2 = {"OutboundClient": "http_client", "OutboundTransport": "transport", "client": "http_client"}


def __getattr__(name: str) -> Any:
    # Settings and refusals are read where httpx2 is not installed.
    if name not in _NEED_HTTPX2:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_NEED_HTTPX2[name]}")
    except ModuleNotFoundError as error:
        if error.name not in {"httpx2", "httpcore2", "anyio"}:
            raise
        raise MissingExtra("An outbound client", "service") from None
    return getattr(module, name)
