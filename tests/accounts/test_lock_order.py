"""Lock order: whatever two transactions do to one account, neither is ended because they waited for each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from accounts.serving import PASSWORD, Served, bearer, digits, link_token, serving
from fresh_database import fresh_url

pytestmark = [pytest.mark.anyio, pytest.mark.store]

LINKS: Any = dict.fromkeys(("verify_link", "reset_link", "magic_link", "restore_link"), "https://app.example.com/code")
NEW = "a brass kettle behind the moon"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """SQLite has one writer and no lock to wait for but that."""
    async with fresh_url("postgresql", tmp_path) as url, serving(url, magic=True, **LINKS) as running:
        yield running


async def mailed(served: Served, path: str) -> tuple[str, Any]:
    answer = await served.client.post(path, json={"email": "ada@example.com"})
    await served.service.mail.settled()
    return answer.json()["flow"], served.mails[-1]


async def proof(served: Served, path: str, *, link: bool, redeem: str, **more: str) -> Callable[[], Awaitable[Any]]:
    """A request that redeems a code asked for at `path`."""
    flow, mail = await mailed(served, path)
    given = {"token": link_token(mail)} if link else {"code": digits(mail)}
    return lambda: served.client.post(redeem, json={**given, "flow": flow, **more})


async def second_factor(served: Served) -> Callable[[], Awaitable[Any]]:
    _, seed, _ = await served.with_totp()
    given = {"mfa_token": await served.challenge(), "code": served.totp(seed)}
    return lambda: served.client.post("/auth/mfa", json=given)


async def logout_everywhere(served: Served) -> Callable[[], Awaitable[Any]]:
    headers = bearer(await served.login())
    return lambda: served.client.post("/auth/logout-all", headers=headers)


async def ended_by_an_administrator(served: Served) -> Callable[[], Awaitable[Any]]:
    await served.login()
    root = await served.signed_in("root@example.com", role="admin")
    async with served.service.db.read() as work:
        ada = await work.users.by_email("ada@example.com")
    assert ada is not None
    return lambda: served.client.post(f"/users/{ada.id}/sessions/revoke", headers=root)


REQUESTS: dict[str, Callable[[Served], Awaitable[Callable[[], Awaitable[Any]]]]] = {
    "verify link": lambda s: proof(s, "/auth/verify-email/resend", link=True, redeem="/auth/verify-email"),
    "verify code": lambda s: proof(s, "/auth/verify-email/resend", link=False, redeem="/auth/verify-email"),
    "reset link": lambda s: proof(s, "/auth/password/forgot", link=True, redeem="/auth/password/reset", password=NEW),
    "reset code": lambda s: proof(s, "/auth/password/forgot", link=False, redeem="/auth/password/reset", password=NEW),
    "magic link": lambda s: proof(s, "/auth/magic", link=True, redeem="/auth/magic/redeem"),
    "magic code": lambda s: proof(s, "/auth/magic", link=False, redeem="/auth/magic/redeem"),
    "second factor": second_factor,
    "logout": logout_everywhere,
    "administrator": ended_by_an_administrator,
}


@pytest.mark.parametrize("request_", REQUESTS)
async def test_whoever_holds_the_account_and_takes_what_hangs_on_it_opposes_nobody(
    served: Served, request_: str
) -> None:
    user_id = await served.account()
    ask = await REQUESTS[request_](served)

    async with served.service.db.write() as work:
        await work.users.hold(user_id)
        asking = asyncio.ensure_future(ask())
        await somebody_waits(served)
        gone = await work.users.delete(user_id)
    answer = await asking

    assert gone is not None
    assert answer.status_code < 500
    assert await deadlocks(served) == 0


async def test_administrators_who_go_at_once_wait_in_one_order(served: Served) -> None:
    everyone = [await served.signed_in(f"p{n}@example.com", role="admin") for n in range(8)]

    answers = await asyncio.gather(
        *(
            served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=headers)
            for headers in everyone
        )
    )

    assert sorted(answer.status_code for answer in answers) == [204] * 7 + [409]
    assert await deadlocks(served) == 0


async def test_administrators_who_change_each_others_name_and_role_wait_in_one_order(served: Served) -> None:
    ids, headers = [], []
    for n in range(6):
        ids.append(await served.account(f"p{n}@example.com", role="admin"))
        headers.append(bearer(await served.login(f"p{n}@example.com")))

    answers = await asyncio.gather(
        *(
            served.client.patch(f"/users/{one}", json={"name": "Somebody", "role": "user"}, headers=who)
            for one, who in zip(ids, headers[1:] + headers[:1], strict=True)
        )
    )

    assert {answer.status_code for answer in answers} <= {200, 401, 403, 409}
    assert await deadlocks(served) == 0


async def test_a_purge_waits_for_nobody(served: Served) -> None:
    user_id = await served.account()
    await mailed(served, "/auth/password/forgot")
    later = served.clock.wall() + 3600

    async with served.service.db.write() as work:
        await work.codes.forget(user_id)
        async with served.service.db.write() as purge:
            meanwhile = await purge.purge("fastness_codes", later)

    assert meanwhile == 0


async def somebody_waits(served: Served) -> None:
    """Come back once a transaction waits for another's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = :kind"
    )
    async with asyncio.timeout(4):
        while True:
            async with served.service.db.read() as work:
                if (await work.users.connection.execute(waiting, {"kind": "Lock"})).scalar_one():
                    return


async def deadlocks(served: Served) -> int:
    found = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    async with served.service.db.read() as work:
        return int((await work.users.connection.execute(found)).scalar_one())
