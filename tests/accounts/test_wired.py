"""What is given to the service is used, even while it is empty."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from accounts.serving import SECRET
from by_hand import Seen
from fastness.accounts.app import build
from fastness.accounts.settings import ServiceSettings
from fastness.core.events import Event, EventType
from fastness.core.store import MemoryStore


class Empty(MemoryStore):
    def __len__(self) -> int:
        return 0


@pytest.mark.anyio
async def test_an_empty_sink_and_an_empty_store_are_used() -> None:
    sink, store = Seen(), Empty()
    settings = ServiceSettings(
        environment="development", secret=(SecretStr(SECRET),), database_url="sqlite:///:memory:"
    )

    app = build(settings, emit=sink, store=store)
    service = app.state.fastness_accounts
    service._emit(Event(EventType.USER_CREATED))

    assert sink.types == ["user_created"]
    assert service.throttle._store is store
