"""What tests of an application need: sign in as somebody, read the mails, turn the clock, hash fast.

Nothing here belongs into a running service. With pytest the fixtures of `fastness.testing.plugin` are there by themselves.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastness.testing.callers import bearer, sign_in, signed_in_as
    from fastness.testing.hashing import unsafe_fast_hasher
    from fastness.testing.mails import Outbox
    from fastness.testing.time_travel import TurnableClock

__all__ = ["Outbox", "TurnableClock", "bearer", "sign_in", "signed_in_as", "unsafe_fast_hasher"]

_OWNERS = {
    "Outbox": "fastness.testing.mails",
    "TurnableClock": "fastness.testing.time_travel",
    "bearer": "fastness.testing.callers",
    "sign_in": "fastness.testing.callers",
    "signed_in_as": "fastness.testing.callers",
    "unsafe_fast_hasher": "fastness.testing.hashing",
}


def __getattr__(name: str) -> Any:
    # PEP 562: pytest loads the plugin in every run, also where nobody tests accounts.
    if name not in _OWNERS:
        raise AttributeError(f"module 'fastness.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(_OWNERS[name]), name)
