"""Things that may happen once, asked for many times at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from accounts.serving import PASSWORD, Served, bearer, digits, link_token
from fastness.accounts.models import Account
from fastness.accounts.models.users import Users

pytestmark = pytest.mark.anyio


async def test_fifty_registrations_of_one_address_make_one_account(served: Served) -> None:
    given = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}

    answers = await asyncio.gather(*(served.client.post("/auth/register", json=given) for _ in range(50)))
    await served.service.mail.settled()

    assert {answer.status_code for answer in answers} == {202}
    assert await served.users() == 1


async def test_four_spellings_at_once_make_one_account_that_works(served: Served) -> None:
    spellings = ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@example.com ", "ada@Example.com"]

    answers = await asyncio.gather(
        *(
            served.client.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Ada"})
            for email in spellings
        )
    )
    await served.service.mail.settled()
    flows = [answer.json()["flow"] for answer in answers]
    good = [
        await served.client.post("/auth/verify-email", json={"code": digits(mail), "flow": flow})
        for mail in served.mails
        for flow in flows
    ]

    assert {answer.status_code for answer in answers} == {202}
    assert await served.users() == 1
    assert 200 in {answer.status_code for answer in good}
    assert await served.login("aDa@example.com")


async def test_fifty_refreshes_of_one_token_give_one_successor(served: Served) -> None:
    await served.account()
    given = {"refresh_token": (await served.login())["refresh_token"]}

    answers = await asyncio.gather(*(served.client.post("/auth/refresh", json=given) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert (await served.client.post("/auth/refresh", json=answers[0].json() | {})).status_code == 422
    successor = {"refresh_token": answers[0].json()["refresh_token"]}
    assert (await served.client.post("/auth/refresh", json=successor)).status_code == 200


async def test_after_the_grace_fifty_reuses_end_the_family_and_give_nothing(served: Served) -> None:
    await served.account()
    first = await served.login()
    second = (await served.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    served.clock.ahead += 11

    answers = await asyncio.gather(
        *(served.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}) for _ in range(50))
    )
    child = await served.client.post("/auth/refresh", json={"refresh_token": second["refresh_token"]})

    assert {answer.status_code for answer in answers} == {401}
    assert child.status_code == 401


async def test_two_generations_back_ends_the_family_inside_the_grace(served: Served) -> None:
    await served.account()
    first = await served.login()
    second = (await served.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    third = (await served.client.post("/auth/refresh", json={"refresh_token": second["refresh_token"]})).json()

    stolen = await served.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    profile = await served.client.get("/profile", headers=bearer(third))
    after = await served.client.post("/auth/refresh", json={"refresh_token": third["refresh_token"]})

    assert (stolen.status_code, profile.status_code, after.status_code) == (401, 401, 401)


async def test_one_notice_tells_the_owner_of_fifty_reuses(served: Served) -> None:
    await served.account()
    first = await served.login()
    await served.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    served.clock.ahead += 11

    await asyncio.gather(
        *(served.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}) for _ in range(50))
    )
    await served.service.mail.settled()

    notices = [mail for mail in served.mails if mail.subject == "We ended one of your sessions"]
    assert [mail.to for mail in notices] == ["ada@example.com"]
    assert "192.0.2.7" in notices[0].text


async def test_one_link_redeemed_at_once_is_redeemed_once(served: Served) -> None:
    await served.register("ada@example.com")
    given = {"token": link_token(served.mails[0])}

    answers = await asyncio.gather(*(served.client.post("/auth/verify-email", json=given) for _ in range(30)))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1
    assert {400} <= set(statuses) - {200} <= {400, 503}  # a busy machine may send some away unheard


async def test_two_administrators_who_delete_each_other_leave_one(served: Served) -> None:
    ids, headers = [], []
    for name in ("one", "two"):
        ids.append(await served.account(f"{name}@example.com", role="admin"))
        headers.append(bearer(await served.login(f"{name}@example.com")))

    answers = await asyncio.gather(
        served.client.delete(f"/users/{ids[1]}", headers=headers[0]),
        served.client.delete(f"/users/{ids[0]}", headers=headers[1]),
    )

    assert min(answer.status_code for answer in answers) == 204
    async with served.service.db.read() as work:
        assert await work.users.admins() == 1


@pytest.mark.parametrize("change", ["password", "role"])
async def test_an_account_changed_while_the_password_is_checked_opens_no_session(
    served: Served, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    user_id = await served.account()
    check = served.service.passwords.check

    async def slow(given: Any, stored: str | None) -> Any:
        match = await check(given, stored)
        async with served.service.db.write() as work:
            if change == "password":
                assert await work.users.set_password_hash(user_id, "$new", old=stored)
            else:
                await work.users.set_role(user_id, "editor", now=served.clock.wall())
        return match

    monkeypatch.setattr(served.service.passwords, "check", slow)
    answer = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})

    assert answer.status_code == 401


async def test_an_account_deleted_while_it_signs_in_ends_with_nothing(served: Served) -> None:
    user_id = await served.account("ada@example.com")
    root = await served.signed_in("root@example.com", role="admin")
    credentials = {"email": "ada@example.com", "password": PASSWORD}

    *logins, gone = await asyncio.gather(
        *(served.client.post("/auth/login", json=credentials) for _ in range(10)),
        served.client.delete(f"/users/{user_id}", headers=root),
    )

    def refresh(answer: Any) -> Any:
        return served.client.post("/auth/refresh", json={"refresh_token": answer.json()["refresh_token"]})

    good = [answer for answer in logins if answer.status_code == 200]
    assert gone.status_code == 204
    assert {answer.status_code for answer in logins} <= {200, 401}
    assert [(await served.client.get("/profile", headers=bearer(one.json()))).status_code for one in good] == [
        401 for _ in good
    ]
    assert [(await refresh(one)).status_code for one in good] == [401 for _ in good]


async def test_a_caller_whose_sessions_ended_while_the_password_was_checked_deletes_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.account()
    stolen = bearer(await served.login())
    check = served.service.passwords.check

    async def slow(given: Any, stored: str | None) -> Any:
        monkeypatch.setattr(served.service.passwords, "check", check)
        await served.client.post("/auth/logout-all", headers=stolen)
        return await check(given, stored)

    monkeypatch.setattr(served.service.passwords, "check", slow)
    answer = await served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=stolen)

    assert answer.status_code == 401
    assert await served.login()


async def test_a_deletion_ends_the_tokens_of_a_version_that_rose_meanwhile(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = await served.account()
    root = await served.signed_in("root@example.com", role="admin")
    found, newer = Users.by_id, list[Account]()

    async def outdated(users: Users, id: str) -> Account | None:  # noqa: A002
        # On PostgreSQL another transaction may commit between two statements of this one.
        account = await found(users, id)
        await users.bump_version(user_id)
        newer.extend(account for account in [await found(users, user_id)] if account is not None)
        return account

    with monkeypatch.context() as patch:
        patch.setattr(Users, "by_id", outdated)
        gone = await served.client.delete(f"/users/{user_id}", headers=root)
    late = served.service.flows.login.issue.access_token(newer[-1], "s", authenticated_at=1.0, methods=(), life=60)
    answer = await served.client.get("/users", headers={"Authorization": f"Bearer {late}"})

    assert gone.status_code == 204
    assert answer.status_code == 401
