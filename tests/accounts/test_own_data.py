"""Own data: people take it with them, and shut their account, which they can take back for some days."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from accounts.mounted import mounted, settings
from accounts.serving import PASSWORD, Clock, Served, bearer, digits, link_token, serving
from accounts.test_mapped import FULL, LEAST, legacy
from accounts.test_neutral import Work, seen
from fastness.accounts.flows.delete_account import purge_deleted
from fastness.accounts.mail import Mail
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio
DAY = 86_400
PAGE = "https://app.example.com/restore"


@pytest.fixture
async def served(url: str) -> AsyncIterator[Served]:
    async with serving(url, clock=Clock.at_rest(), restore_link=PAGE, magic=True) as running:
        yield running


async def delete(served: Any, headers: dict[str, str], **given: str) -> httpx2.Response:
    answer: httpx2.Response = await served.client.request("DELETE", "/account", json=given, headers=headers)
    return answer


async def shut(served: Served, email: str = "ada@example.com") -> str:
    """An account that its owner deleted: its id."""
    user_id = await served.account(email)
    gone = await delete(served, bearer(await served.login(email)), password=PASSWORD)
    assert gone.status_code == 204
    return user_id


async def asked(served: Served, email: str = "ada@example.com") -> tuple[str, Mail | None]:
    """Ask for a code: the flow, and the mail when one came. The client forgets its cookie."""
    before = len(await served.about("Take the deletion back"))
    answer = await served.client.post("/auth/restore", json={"email": email})
    assert answer.status_code == 202, answer.text
    mails = await served.about("Take the deletion back")
    served.client.cookies.clear()
    return answer.json()["flow"], mails[-1] if len(mails) > before else None


async def restore(served: Served, **given: Any) -> httpx2.Response:
    answer: httpx2.Response = await served.client.post("/auth/restore/redeem", json=given)
    return answer


async def purge(served: Served) -> int:
    return await purge_deleted(served.service.db, now=served.clock.wall(), emit=served.events.append)


async def test_a_deleted_account_is_shut_at_once_on_every_channel_and_its_address_stays_its_own(served: Served) -> None:
    user_id = await served.account()
    tokens = await served.login()
    key = (await served.client.post("/account/api-keys", json={"name": "k"}, headers=bearer(tokens))).json()["key"]
    magic = await served.client.post("/auth/magic", json={"email": "ada@example.com"})
    await served.service.mail.settled()
    code = {"code": digits(served.mails[-1]), "flow": magic.json()["flow"]}

    gone = await delete(served, bearer(tokens), password=PASSWORD)
    served.clock.ahead += 1
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    answers = {
        "token": await served.client.get("/profile", headers=bearer(tokens)),
        "refresh": await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}),
        "login": await served.client.post("/auth/login", json=credentials),
        "key": await served.client.get("/account/api-keys", headers={"X-API-Key": key}),
    }
    signed_in = await served.client.post("/auth/magic/redeem", json=code)
    _, reset = await served.forgot()
    await served.register("ada@example.com")

    assert (gone.status_code, gone.headers["clear-site-data"]) == (204, '"cache","cookies","storage"')
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert (signed_in.status_code, reset) == (400, None)
    assert await served.users() == 1
    [mail] = await served.about("Your account will be deleted")
    assert PAGE in mail.text
    told = [event.details for event in served.events if event.who == user_id]
    assert {"deletion": "asked for"} in told


@pytest.mark.parametrize("way", ["code", "link"])
async def test_the_mailbox_takes_it_back_and_then_everything_is_as_before(served: Served, way: str) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()
    challenge = await served.challenge()
    mfa = {"mfa_token": challenge, "code": served.totp(seed)}
    tokens = (await served.client.post("/auth/mfa", json=mfa)).json()
    assert (await delete(served, bearer(tokens), password=PASSWORD)).status_code == 204
    served.clock.ahead += 13 * DAY
    flow, mail = await asked(served)
    assert mail is not None

    how = {"code": digits(mail)} if way == "code" else {"token": link_token(mail)}
    elsewhere = [await restore(served, **how), await restore(served, **how, flow="another-browser")]
    done = await restore(served, **how, flow=flow)
    again = await restore(served, **how, flow=flow)
    notices = await served.about("Your account is not deleted")
    served.clock.ahead += 30 * DAY

    assert [one.status_code for one in elsewhere] == [400, 400]
    assert (done.status_code, set(done.json())) == (200, {"restored", "device_token"})
    assert again.status_code == 400
    assert await purge(served) == 0
    assert "totp" in (await served.login())["methods"]  # the mailbox is no way around a factor
    assert [notice.to for notice in notices] == ["ada@example.com"]


async def test_after_the_days_of_grace_everything_of_it_is_gone_and_nothing_comes_back(served: Served) -> None:
    user_id = await shut(served)
    await shut(served, "eve@example.com")
    flow, mail = await asked(served)
    assert mail is not None
    assert await purge(served) == 0
    served.clock.ahead += 14 * DAY

    late = await restore(served, code=digits(mail), flow=flow)
    none = (await asked(served))[1]
    counts = [await purge(served), await purge(served)]

    assert (late.status_code, none, counts) == (400, None, [2, 0])
    assert await served.users() == 0
    deleted = [event.who for event in served.events if event.type is EventType.USER_DELETED]
    assert user_id in deleted
    assert len(deleted) == 2
    await served.account()  # the address is free


async def test_the_service_purges_by_itself(served: Served) -> None:
    await shut(served)
    served.clock.ahead += 14 * DAY

    await served.service._purge()

    assert await served.users() == 0


async def test_what_an_administrator_suspended_the_mailbox_does_not_open(served: Served) -> None:
    user_id = await shut(served)
    root = await served.signed_in("root@example.com", role="admin")
    flow, mail = await asked(served)
    assert mail is not None
    suspended = await served.client.post(f"/users/{user_id}/suspend", headers=root)

    late = await restore(served, code=digits(mail), flow=flow)

    assert (suspended.status_code, late.status_code) == (200, 400)
    assert (await asked(served))[1] is None
    served.clock.ahead += 14 * DAY
    assert await purge(served) == 1


async def test_what_an_administrator_opens_again_is_not_deleted(served: Served) -> None:
    user_id = await shut(served)
    root = await served.signed_in("root@example.com", role="admin")

    await served.client.post(f"/users/{user_id}/unsuspend", headers=root)
    served.clock.ahead += 15 * DAY

    assert await purge(served) == 0
    assert await served.login()


async def test_the_last_administrator_stays(served: Served) -> None:
    headers = await served.signed_in(role="admin")

    refused = await delete(served, headers, password=PASSWORD)

    assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
    assert (await served.client.get("/profile", headers=headers)).status_code == 200


async def test_without_a_password_it_needs_a_proof_of_the_last_minutes(served: Served) -> None:
    await served.account()
    headers = bearer(await served.login())
    served.clock.ahead += 301

    stale = await delete(served, headers)
    wrong = await delete(served, headers, password="not the right one at all")
    fresh = bearer(
        (await served.client.post("/auth/reauthenticate", json={"password": PASSWORD}, headers=headers)).json()
    )
    done = await delete(served, fresh)

    assert (stale.status_code, stale.json()["code"]) == (401, "insufficient_user_authentication")
    assert (wrong.status_code, done.status_code) == (403, 204)


async def test_with_no_days_of_grace_it_goes_at_once_and_there_is_nothing_to_take_back(url: str) -> None:
    async with serving(url, deletion_days=0) as served:
        await served.account()
        gone = await delete(served, bearer(await served.login()), password=PASSWORD)
        back = await served.client.post("/auth/restore", json={"email": "ada@example.com"})

        assert (gone.status_code, back.status_code) == (204, 404)
        assert await served.users() == 0
        assert len(await served.about("Your account was deleted")) == 1


async def test_asking_for_a_code_looks_and_costs_the_same_for_every_address(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shut(served, "shut@example.com")
    await served.account("known@example.com")
    await served.account("suspended@example.com", suspended=True)
    found = []
    for who in ("shut", "known", "suspended", "unknown"):
        with monkeypatch.context() as patch:
            work = Work(served, patch)
            answer = await served.client.post("/auth/restore", json={"email": f"{who}@example.com"})
            found.append((seen(answer), work.hashes, work.mails))
        await served.service.mail.settled()

    assert found[0][0][0] == 202
    assert all(one == found[0] for one in found)
    assert len(await served.about("Take the deletion back")) == 1


async def test_thirty_at_once_take_it_back_once(served: Served) -> None:
    await served.account()
    for _ in range(3):
        assert (await delete(served, bearer(await served.login()), password=PASSWORD)).status_code == 204
        flow, mail = await asked(served)
        assert mail is not None

        answers = await asyncio.gather(*(restore(served, token=link_token(mail), flow=flow) for _ in range(30)))

        # Who waits too long for the lock of a busy machine is told so, and has taken nothing.
        codes = sorted(answer.status_code for answer in answers if answer.status_code != 503)
        assert codes == [200] + [400] * (len(codes) - 1)


async def test_taking_back_and_purging_at_once_leave_a_whole_account_or_none(served: Served) -> None:
    for round_ in range(5):
        email = f"ada{round_}@example.com"
        user_id = await shut(served, email)
        flow, mail = await asked(served, email)
        assert mail is not None
        later = served.clock.wall() + 14 * DAY + 1

        purging = [
            asyncio.create_task(purge_deleted(served.service.db, now=later, emit=lambda _: None)) for _ in range(5)
        ]
        answer = await restore(served, token=link_token(mail), flow=flow)
        purged = await asyncio.gather(*purging)

        async with served.service.db.read() as work:
            account = await work.users.by_id(user_id)
        assert sum(purged) == (1 if account is None else 0)
        assert answer.status_code == (400 if account is None else 200)
        if account is not None:
            assert not account.suspended
            assert await served.login(email)


async def test_thirty_purges_at_once_delete_each_account_once(served: Served) -> None:
    for n in range(5):
        await shut(served, f"p{n}@example.com")
    served.clock.ahead += 14 * DAY

    counts = await asyncio.gather(*(purge(served) for _ in range(30)))

    assert sum(counts) == 5
    assert len([event for event in served.events if event.type is EventType.USER_DELETED]) == 5


async def test_a_purge_goes_in_small_batches(served: Served) -> None:
    for n in range(5):
        await shut(served, f"p{n}@example.com")
    later = served.clock.wall() + 14 * DAY

    counts = [await purge_deleted(served.service.db, now=later, emit=served.events.append, most=2) for _ in range(4)]

    assert counts == [2, 2, 1, 0]


@pytest.mark.parametrize("columns", [FULL, LEAST], ids=["full", "least"])
@pytest.mark.parametrize(
    "kind",
    [
        "sqlite-async",
        "sqlite-sync",
        *(pytest.param(kind, marks=pytest.mark.store) for kind in ("postgresql-async", "postgresql-sync")),
    ],
)
async def test_on_a_table_that_nobody_may_touch_too(kind: str, columns: dict[str, str], tmp_path: Path) -> None:
    async with mounted(kind, tmp_path, user=legacy(), columns=columns, chosen=settings()) as here:
        deleted: list[str] = []
        here.accounts.on_deleted(deleted.append)
        service = here.accounts.service
        kept, gone = await here.registered(), await here.registered("eve@example.com")
        for email in ("ada@example.com", "eve@example.com"):
            headers = await here.signed_in(email)
            assert (await delete(here, headers, password=PASSWORD)).status_code == 204
        flow = (await here.post("/auth/restore", json={"email": "ada@example.com"})).json()["flow"]
        await here.accounts.settled()
        code = digits(here.mailer.outbox[-1])
        back = await here.post("/auth/restore/redeem", json={"code": code, "flow": flow})
        here.clock.ahead += 14 * DAY
        await service._purge()
        await here.accounts.settled()

        async with service.db.read() as work:
            left = [await work.users.by_id(one) for one in (kept, gone)]
        assert back.status_code == 200
        assert [account is not None for account in left] == [True, False]
        assert deleted == [gone]
        assert await here.signed_in()


# ---- export


async def test_people_take_their_data_with_them_and_no_secret_is_in_it(url: str) -> None:
    async with serving(url, clock=Clock.at_rest(), login_by=["email", "username"]) as served:
        user_id = await served.account()
        await served.account("eve@example.com")
        tokens, _, codes = await served.with_totp()
        headers = bearer(tokens)
        key = (await served.client.post("/account/api-keys", json={"name": "Backup"}, headers=headers)).json()

        stale = await served.client.get("/account/export", headers=bearer(await served.login("eve@example.com")))
        assert stale.status_code == 200
        assert "ada@example.com" not in stale.text
        assert str(user_id) not in stale.text
        unproved = await served.client.get("/account/export", headers=headers)
        fresh = await served.client.post("/auth/reauthenticate", json={"recovery_code": codes[0]}, headers=headers)
        named = await served.client.post("/account/username", json={"username": "ada"}, headers=bearer(fresh.json()))
        made = await served.client.post("/account/api-keys", json={"name": "Backup"}, headers=bearer(fresh.json()))
        await served.service.journal.settled()
        answer = await served.client.get("/account/export", headers=bearer(fresh.json()))
        told = (await served.client.get("/account/events?limit=100", headers=bearer(fresh.json()))).json()
        notices = await served.about("Your data was exported")
        async with served.service.db.read() as work:
            account = await work.users.by_id(user_id)
            factors = await work.factors.list(user_id)

    assert key["code"] == "insufficient_user_authentication"
    assert (unproved.status_code, unproved.json()["code"]) == (401, "insufficient_user_authentication")
    assert (named.status_code, answer.status_code) == (200, 200)
    assert answer.headers["content-disposition"] == 'attachment; filename="account.json"'
    assert answer.headers["cache-control"] == "no-store"
    data = answer.json()
    assert set(data) == {
        "exported_at", "account", "sessions", "devices", "factors", "recovery_codes_left", "api_keys", "events",
    }  # fmt: skip
    assert (data["account"]["email"], data["account"]["username"]) == ("ada@example.com", "ada")
    assert (len(data["factors"]), data["recovery_codes_left"], len(data["api_keys"])) == (1, 9, 1)
    assert data["sessions"]
    assert data["devices"]
    assert data["events"]["items"] == told["items"][-len(data["events"]["items"]) :]
    assert {"user_created", "authn_login_success", "authn_factor_change"} <= {one["event"] for one in told["items"]}
    assert account is not None
    assert account.password_hash is not None
    secrets = [account.password_hash, factors[0].sealed, made.json()["key"], tokens["refresh_token"], *codes]
    text = json.dumps(data)
    assert [secret for secret in secrets if secret in text] == []
    assert [mail.to for mail in notices] == [
        "eve@example.com", "ada@example.com",
    ]  # fmt: skip


async def test_of_very_many_events_the_newest_are_in_the_file_and_it_says_where_the_others_are(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.account("eve@example.com")
    headers = await served.signed_in()
    await served.service.journal.settled()
    everything = (await served.client.get("/account/events", headers=headers)).json()["items"]
    monkeypatch.setattr("fastness.accounts.flows.export_data.EVENTS", 2)

    part = (await served.client.get("/account/export", headers=headers)).json()["events"]
    rest = (await served.client.get("/account/events", params={"after": part["next"]}, headers=headers)).json()

    assert (part["total"], [*part["items"], *rest["items"]]) == (3, everything)
