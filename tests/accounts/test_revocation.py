"""What ended stops counting: here at once, in other workers within a second, and never because the database is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import pytest

from accounts.serving import PASSWORD, Served, bearer, serving
from fastness.accounts.mail import MemoryMailer
from fastness.controls.tokens import SigningKey
from fastness.core.errors import Unavailable
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio


async def status(served: Served, headers: dict[str, str], path: str = "/profile") -> int:
    return (await served.client.get(path, headers=headers)).status_code


async def gone(served: Served, headers: dict[str, str]) -> bool:
    return await status(served, headers) == 401


async def signs_with(served: Served, kid: str) -> bool:
    return served.service.tokens.keys.current.kid == kid


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    while not await true():  # noqa: ASYNC110 - another worker reads the database in its own time
        await anyio.sleep(0.01)


async def test_logout_ends_this_session_and_no_other(served: Served) -> None:
    laptop = await served.signed_in()
    phone = bearer(await served.login())

    left = await served.client.post("/auth/logout", headers=laptop)

    assert left.status_code == 204
    assert (await status(served, laptop), await status(served, phone)) == (401, 200)


async def test_logout_everywhere_ends_every_session_and_every_refresh(served: Served) -> None:
    await served.account()
    sessions = [await served.login() for _ in range(3)]

    left = await served.client.post("/auth/logout-all", headers=bearer(sessions[0]))
    refreshes = [
        await served.client.post("/auth/refresh", json={"refresh_token": one["refresh_token"]}) for one in sessions
    ]

    assert left.status_code == 204
    assert [await status(served, bearer(one)) for one in sessions] == [401] * 3
    assert [answer.status_code for answer in refreshes] == [401] * 3
    assert await status(served, bearer(await served.login())) == 200


async def test_taking_a_role_away_counts_at_once_and_a_refresh_brings_the_new_one(served: Served) -> None:
    user_id = await served.account("ada@example.com", role="admin")
    root = await served.signed_in("root@example.com", role="super_admin")
    tokens = await served.login("ada@example.com")

    before = await status(served, bearer(tokens), "/users")
    changed = await served.client.patch(f"/users/{user_id}", json={"role": "user"}, headers=root)
    after = await status(served, bearer(tokens), "/users")
    renewed = await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})

    assert (before, changed.status_code, after) == (200, 200, 401)
    assert await status(served, bearer(renewed.json()), "/users") == 403
    assert await status(served, bearer(renewed.json())) == 200
    assert EventType.AUTHZ_CHANGE in served.types()


async def test_suspending_ends_access_refresh_and_sign_in_until_it_is_lifted(served: Served) -> None:
    user_id = await served.account("ada@example.com")
    root = await served.signed_in("root@example.com", role="admin")
    tokens = await served.login("ada@example.com")
    credentials = {"email": "ada@example.com", "password": PASSWORD}

    suspended = await served.client.post(f"/users/{user_id}/suspend", headers=root)
    profile = await status(served, bearer(tokens))
    refreshed = await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    login = await served.client.post("/auth/login", json=credentials)
    lifted = await served.client.post(f"/users/{user_id}/unsuspend", headers=root)

    assert suspended.json()["suspended"] is True
    assert (profile, refreshed.status_code, login.status_code) == (401, 401, 401)
    assert lifted.json()["suspended"] is False
    assert await served.login("ada@example.com")


async def test_a_session_that_outlived_a_suspension_ends_at_its_next_refresh(served: Served) -> None:
    user_id = await served.account()
    tokens = await served.login()
    async with served.service.db.write() as work:
        await work.users.suspend(user_id, now=served.clock.wall())

    refused = await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    async with served.service.db.write() as work:
        await work.users.unsuspend(user_id, now=served.clock.wall())
    later = await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})

    assert (refused.status_code, later.status_code) == (401, 401)


async def test_a_deleted_account_can_do_nothing_more(served: Served) -> None:
    await served.account()
    tokens = await served.login()

    wrong = await served.client.request(
        "DELETE", "/account", json={"password": "not the right one at all"}, headers=bearer(tokens)
    )
    gone = await served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=bearer(tokens))
    refreshed = await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    login = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})

    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    assert gone.status_code == 204
    assert await status(served, bearer(tokens)) == 401
    assert (refreshed.status_code, login.status_code) == (401, 401)


async def test_another_worker_knows_within_a_second(url: str) -> None:
    mailbox = MemoryMailer()  # whichever process sends a mail
    async with (
        serving(url, mailer=mailbox, revocation_interval=0.05) as here,
        serving(url, mailer=mailbox, revocation_interval=0.05) as there,
    ):
        headers = await here.signed_in()
        before = await status(there, headers)

        await here.client.post("/auth/logout", headers=headers)
        with anyio.fail_after(1):
            await until(lambda: gone(there, headers))

        assert before == 200
        assert there.service.feed._seq > 0  # the next read begins where this one ended


async def test_a_worker_that_starts_later_knows_what_ended_before(url: str) -> None:
    async with serving(url) as first:
        headers = await first.signed_in()
        await first.client.post("/auth/logout", headers=headers)

    async with serving(url) as second:
        assert await status(second, headers) == 401


async def test_a_token_outlives_a_restart(url: str) -> None:
    async with serving(url) as first:
        headers = await first.signed_in()

    async with serving(url) as second:
        assert await status(second, headers) == 200


async def test_when_the_last_read_is_old_a_request_reads_for_itself(url: str) -> None:
    # A second between two reads, and no time for one: only the request itself can know.
    mailbox = MemoryMailer()  # whichever process sends a mail
    async with (
        serving(url, mailer=mailbox, revocation_interval=2) as here,
        serving(url, mailer=mailbox, revocation_interval=2) as there,
    ):
        headers = await here.signed_in()
        await status(there, headers)
        await here.client.post("/auth/logout", headers=headers)

        there.clock.ahead += 4

        assert await status(there, headers) == 401


async def test_when_nobody_can_tell_the_answer_is_503(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(url, revocation_interval=2) as served:
        headers = await served.signed_in()

        def away() -> Any:
            raise Unavailable("database: gone")

        served.clock.ahead += 4
        with monkeypatch.context() as patch:
            patch.setattr(served.service.db, "read", away)
            answer = await served.client.get("/profile", headers=headers)
            alive = await served.client.get("/health")

        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "retry-after" in answer.headers
        assert alive.status_code == 200
        assert await status(served, headers) == 200


async def test_requests_that_wait_for_the_same_read_share_its_failure(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    @contextlib.asynccontextmanager
    async def hanging() -> AsyncIterator[Any]:
        nonlocal asked
        asked += 1
        await anyio.sleep(0.1)
        raise Unavailable("database: TimeoutError")
        yield None  # type: ignore[unreachable]

    async with serving(url, revocation_interval=2) as served:
        headers = await served.signed_in()
        served.clock.ahead += 4
        with monkeypatch.context() as patch:
            patch.setattr(served.service.db, "read", hanging)
            answers = await asyncio.gather(*(served.client.get("/users", headers=headers) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {503}
    assert asked <= 2  # the requests' one, and perhaps the background's


async def test_the_steady_state_asks_the_database_nothing_to_authenticate(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await served.signed_in()

    def refuse() -> Any:
        raise AssertionError("authentication asked the database")

    with monkeypatch.context() as patch:
        patch.setattr(served.service.db, "read", refuse)
        answer = await served.client.get("/users", headers=headers)

    assert answer.status_code == 403


@pytest.mark.parametrize("profile", ["standard", "strict"])
async def test_the_session_row_can_be_asked_on_every_request(url: str, profile: str) -> None:
    check = "every_request" if profile == "standard" else "revocations"
    chosen: dict[str, Any] = {"revocation_interval": 2, "session_check": check, "mfa": {"required": "nobody"}}
    async with serving(url, settings={"profile": profile}, **chosen) as served:
        await served.account()
        headers = bearer(await served.login())
        before = await status(served, headers)
        async with served.service.db.write() as work:
            await work.sessions.close_all((await work.users.page(limit=1)).items[0].id, now=served.clock.wall())

        assert (before, await status(served, headers)) == (200, 401)


async def test_one_session_too_many_ends_the_oldest(url: str) -> None:
    async with serving(url, sessions_per_user=2) as served:
        await served.account()
        sessions = []
        for _ in range(3):
            sessions.append(bearer(await served.login()))
            served.clock.ahead += 1

        assert [await status(served, one) for one in sessions] == [401, 200, 200]


async def test_a_session_ends_without_use_and_at_its_last_day(url: str) -> None:
    async with serving(url, session_idle=600, session_absolute=1500) as served:
        await served.account()
        idle, used = await served.login(), await served.login()
        tokens, lived = used, 0
        for _ in range(5):
            served.clock.ahead += 400
            answer = await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
            if answer.status_code != 200:
                break
            tokens, lived = answer.json(), lived + 1
        late = await served.client.post("/auth/refresh", json={"refresh_token": idle["refresh_token"]})

    assert lived == 3
    assert late.status_code == 401


async def test_no_access_token_outlives_its_session(url: str) -> None:
    async with serving(url, session_idle=600, session_absolute=700) as served:
        await served.account()
        tokens = await served.login()
        served.clock.ahead += 500

        renewed = (await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
        before = await status(served, bearer(renewed))
        served.clock.ahead += 300  # leeway and all

        assert renewed["expires_in"] <= 200
        assert (before, await status(served, bearer(renewed))) == (200, 401)


async def test_rotated_keys_reach_other_workers_and_old_tokens_stay_good(url: str) -> None:
    mailbox = MemoryMailer()  # whichever process sends a mail
    async with (
        serving(url, mailer=mailbox, revocation_interval=0.05) as here,
        serving(url, mailer=mailbox, revocation_interval=0.05) as there,
    ):
        old = await here.signed_in()
        await here.service.signing.add(SigningKey.generate("next"), activates_at=here.clock.wall())
        with anyio.fail_after(2):
            await until(lambda: signs_with(here, "next"))
            await until(lambda: signs_with(there, "next"))
        new = bearer(await here.login())

        assert (await status(there, old), await status(there, new)) == (200, 200)
        assert [key["kid"] for key in (await there.client.get("/.well-known/jwks.json")).json()["keys"]][-1] == "next"
