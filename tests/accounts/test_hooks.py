"""What the application does when something happened to an account."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from accounts.mounted import mounted
from accounts.serving import PASSWORD
from fastness.accounts import Accounts
from fastness.core.events import Event, EventType

pytestmark = pytest.mark.anyio


def told(accounts: Accounts[Any]) -> list[tuple[str, Any]]:
    """What every hook was called with, in order."""
    said: list[tuple[str, Any]] = []
    for name in ("registered", "verified", "login", "logout", "role_changed", "suspended"):
        getattr(accounts, f"on_{name}")(
            lambda person, name=name: said.append((name, (type(person).__name__, person.email)))
        )
    accounts.on_deleted(lambda user_id: said.append(("deleted", user_id)))
    return said


async def test_each_hook_is_called_with_the_persons_own_object(tmp_path: Path) -> None:
    said: list[Any] = []
    async with mounted("sqlite-async", tmp_path, routes=lambda _, accounts, __: said.append(told(accounts))) as here:
        ada = await here.registered()
        header = await here.signed_in()
        await here.post("/auth/logout", headers=header)
        header = await here.signed_in()
        await here.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=header)
        here.clock.ahead += 14 * 86_400
        await here.accounts.service._purge()
        await here.accounts.settled()

    person = ("Person", "ada@example.com")
    assert sorted(said[0]) == sorted(
        [
            ("registered", person),
            ("verified", person),
            ("login", person),
            ("login", person),
            ("logout", person),
            ("deleted", ada),
        ]
    )


async def test_an_administrators_acts_are_told(tmp_path: Path) -> None:
    said: list[Any] = []
    async with mounted("sqlite-sync", tmp_path, routes=lambda _, accounts, __: said.append(told(accounts))) as here:
        eve = await here.registered("eve@example.com")
        await here.registered("root@example.com")

        def promote() -> None:
            with here.factory.begin() as session:
                session.execute(text("UPDATE people SET role = 'super_admin' WHERE email = 'root@example.com'"))

        await asyncio.to_thread(promote)
        header = await here.signed_in("root@example.com")
        await here.client.patch(f"/users/{eve}", json={"role": "editor"}, headers=header)
        await here.post(f"/users/{eve}/suspend", headers=header)
        await here.accounts.settled()

    about_eve = [name for name, who in said[0] if who == ("Person", "eve@example.com")]
    assert sorted(about_eve) == ["registered", "role_changed", "suspended", "verified"]  # ten hooks run at once


async def test_asynchronous_hooks_are_awaited_and_others_run_in_a_thread(tmp_path: Path) -> None:
    names: list[str] = []

    def routes(_: Any, accounts: Accounts[Any], __: Any) -> None:
        @accounts.on_registered
        async def one(person: Any) -> None:
            await asyncio.sleep(0)
            names.append(f"async {threading.current_thread() is threading.main_thread()}")

        @accounts.on_registered
        def other(person: Any) -> None:
            names.append(f"sync {threading.current_thread() is threading.main_thread()}")

    async with mounted("sqlite-async", tmp_path, routes=routes) as here:
        await here.registered()
        await here.accounts.settled()

    assert sorted(names) == ["async True", "sync False"]


async def test_a_hook_that_fails_changes_no_answer_and_is_logged_without_its_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []

    def routes(_: Any, accounts: Accounts[Any], __: Any) -> None:
        @accounts.on_login
        async def breaks(person: Any) -> None:
            raise ValueError(person.email)

        accounts.on_login(lambda person: called.append(person.email))

    with caplog.at_level(logging.ERROR, "fastness.accounts"):
        async with mounted("sqlite-async", tmp_path, routes=routes) as here:
            await here.registered()
            assert (await here.signed_in())["Authorization"]
            await here.accounts.settled()

    assert called == ["ada@example.com"]
    (line,) = [record.getMessage() for record in caplog.records if "hook" in record.getMessage()]
    assert line.startswith("the hook ")
    assert line.endswith("breaks failed: ValueError")


async def test_a_hook_that_hangs_delays_no_answer_and_ends_with_the_server(tmp_path: Path) -> None:
    ended = asyncio.Event()

    def routes(_: Any, accounts: Accounts[Any], __: Any) -> None:
        @accounts.on_login
        async def hangs(person: Any) -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                ended.set()

    async with mounted("sqlite-async", tmp_path, routes=routes) as here:
        here.accounts._hooks.grace = 0.01
        await here.registered()
        await asyncio.wait_for(here.signed_in(), 10)

    assert ended.is_set()


async def test_a_taken_address_calls_no_hook(tmp_path: Path) -> None:
    said: list[Any] = []
    async with mounted("sqlite-async", tmp_path, routes=lambda _, accounts, __: said.append(told(accounts))) as here:
        await here.registered()
        await here.accounts.settled()
        before = list(said[0])
        await here.post("/auth/register", json={"email": "ada@example.com", "password": PASSWORD, "name": "Eve"})
        await here.accounts.settled()

    assert said[0] == before


async def test_any_kind_of_event_can_be_listened_to(tmp_path: Path) -> None:
    seen: list[Event] = []

    def routes(_: Any, accounts: Accounts[Any], __: Any) -> None:
        accounts.on(EventType.AUTHN_LOGIN_FAIL)(seen.append)

    async with mounted("sqlite-async", tmp_path, routes=routes) as here:
        await here.post("/auth/login", json={"email": "eve@example.com", "password": PASSWORD})
        await here.accounts.settled()

    assert [(event.type, event.who) for event in seen] == [(EventType.AUTHN_LOGIN_FAIL, None)]


async def test_events_of_the_controls_can_be_listened_to(tmp_path: Path) -> None:
    seen: list[Event] = []

    def routes(_: Any, accounts: Accounts[Any], __: Any) -> None:
        for kind in (EventType.AUTHN_TOKEN_FAIL, EventType.AUTHZ_FAIL, EventType.MALICIOUS_REQUEST):
            accounts.on(kind)(seen.append)

    async with mounted("sqlite-async", tmp_path, routes=routes) as here:
        await here.registered()
        await here.client.get("/profile", headers={"Authorization": "Bearer nonsense"})
        await here.client.get("/users", headers=await here.signed_in())
        await here.client.get("/%252e%252e/profile")
        await here.accounts.settled()

    assert sorted(str(event.type) for event in seen) == ["authn_token_fail", "authz_fail", "malicious_request"]


async def test_an_event_of_a_thread_finds_its_hook(tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []

    def routes(_: Any, accounts: Accounts[Any], __: Any) -> None:
        async def hook(event: Event) -> None:
            seen.append((str(event.reason), threading.current_thread() is threading.main_thread()))

        accounts.on(EventType.MALICIOUS_REQUEST)(hook)

    async with mounted("sqlite-async", tmp_path, routes=routes) as here:
        await asyncio.to_thread(here.app.state.fastness.emit, Event(EventType.MALICIOUS_REQUEST, reason="thread"))
        await asyncio.sleep(0)
        await here.accounts.settled()
    here.app.state.fastness.emit(Event(EventType.MALICIOUS_REQUEST, reason="nobody serves any more"))

    assert seen == [("thread", True)]


async def test_hooks_wait_in_a_line_that_has_an_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with mounted("sqlite-async", tmp_path) as here:
        hooks, go = here.accounts._hooks, asyncio.Event()

        async def waits(_: Event) -> None:
            await go.wait()

        here.accounts.on(EventType.SYS_MAIL_FAIL)(waits)
        with caplog.at_level(logging.ERROR, "fastness.accounts"):
            for _ in range(1001):
                hooks(Event(EventType.SYS_MAIL_FAIL))
        go.set()
        await here.accounts.settled()

    assert len([record for record in caplog.records if "was not called" in record.getMessage()]) == 1
