"""Fastness: a production-grade security setup for any FastAPI application, proven to work on every route."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fastness._version import __version__

if TYPE_CHECKING:
    from fastness.chain import Settings, secure
    from fastness.controls.access import CurrentUser, OptionalUser, require
    from fastness.controls.limits import limit
    from fastness.core.declare import public
    from fastness.core.policy import AllOf, AnyOf, Owner
    from fastness.core.principal import Principal

__all__ = [
    "AllOf",
    "AnyOf",
    "CurrentUser",
    "OptionalUser",
    "Owner",
    "Principal",
    "Settings",
    "__version__",
    "limit",
    "public",
    "require",
    "secure",
]

_OWNERS = {
    "AllOf": "fastness.core.policy",
    "AnyOf": "fastness.core.policy",
    "CurrentUser": "fastness.controls.access",
    "OptionalUser": "fastness.controls.access",
    "Owner": "fastness.core.policy",
    "Principal": "fastness.core.principal",
    "Settings": "fastness.chain",
    "limit": "fastness.controls.limits",
    "public": "fastness.core.declare",
    "require": "fastness.controls.access",
    "secure": "fastness.chain",
}


def __getattr__(name: str) -> Any:
    # PEP 562: `import fastness` loads nothing until a name is used.
    if name not in _OWNERS:
        raise AttributeError(f"module 'fastness' has no attribute {name!r}")
    return getattr(importlib.import_module(_OWNERS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
