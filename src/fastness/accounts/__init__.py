"""The account service: alone (`fastness.accounts.app`) or in your own application (`Accounts`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastness.accounts.install import Accounts
    from fastness.accounts.models import AccountMixin
    from fastness.accounts.reuse import enforce_foreign_keys

__all__ = ["AccountMixin", "Accounts", "enforce_foreign_keys"]

_OWNERS = {
    "AccountMixin": "fastness.accounts.models",
    "Accounts": "fastness.accounts.install",
    "enforce_foreign_keys": "fastness.accounts.reuse",
}


def __getattr__(name: str) -> Any:
    # PEP 562, as in the package above: migrations and commands need neither FastAPI nor the chain.
    if name not in _OWNERS:
        raise AttributeError(f"module 'fastness.accounts' has no attribute {name!r}")
    return getattr(importlib.import_module(_OWNERS[name]), name)
