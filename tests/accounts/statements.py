"""What a service says to its database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from accounts.serving import Served

BACKGROUND = (
    "fastness_revocations", "fastness_leases", "fastness_signing_keys", "SELECT fastness_outbox",
    "UPDATE fastness_outbox", "fastness_event",
)  # fmt: skip
"""What only the background says: the watch, the lease, the courier's looks, and the journal."""


def statements_of(served: Served) -> list[str]:
    """What is said from now on, but not what the background asks by itself."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not any(word in statement for word in BACKGROUND):
            said.append(statement)

    event.listen(served.service.db.engine.sync_engine, "before_cursor_execute", listen)
    return said
