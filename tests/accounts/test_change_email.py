"""Change e-mail: the new address proves itself, the old one is told, and no code confirms another address."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from accounts.serving import PASSWORD, Served, bearer, digits, link_token, serving

pytestmark = pytest.mark.anyio

NEW = "countess@example.org"


async def ask(served: Served, headers: dict[str, str], email: str = NEW, password: str = PASSWORD) -> Any:
    answer = await served.client.post("/account/email", json={"email": email, "password": password}, headers=headers)
    await served.service.mail.settled()
    return answer


async def confirm(served: Served, headers: dict[str, str], **given: str) -> Any:
    return await served.client.post("/account/email/confirm", json=given, headers=headers)


async def email(served: Served, headers: dict[str, str]) -> str:
    return str((await served.client.get("/profile", headers=headers)).json()["email"])


async def test_the_new_address_is_confirmed_and_the_old_one_told(served: Served) -> None:
    headers = await served.signed_in()
    other = bearer(await served.login())

    asked = await ask(served, headers, "Countess@example.org")
    before = await email(served, headers)
    done = await confirm(served, headers, code=digits(served.mails[-1]), flow=asked.json()["flow"])

    assert (asked.status_code, before) == (202, "ada@example.com")
    assert (done.status_code, done.json()["email"], done.json()["verified"]) == (200, "Countess@example.org", True)
    assert [mail.to for mail in await served.about("Your e-mail address was changed")] == ["ada@example.com"]
    assert (await served.client.get("/profile", headers=other)).status_code == 401
    assert await served.login(NEW)
    refused = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    assert refused.status_code == 401


async def test_a_stolen_token_without_the_password_moves_nothing(served: Served) -> None:
    headers = await served.signed_in()

    answer = await ask(served, headers, password="a guess at the password")

    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")
    assert [mail for mail in served.mails if mail.to == NEW] == []


async def test_a_taken_address_gets_the_same_answer_and_its_owner_is_told(served: Served) -> None:
    await served.account("taken@example.com")
    headers = await served.signed_in()

    free, taken = await ask(served, headers), await ask(served, headers, "taken@example.com")

    assert (free.status_code, len(free.content)) == (taken.status_code, len(taken.content)) == (202, len(taken.content))
    assert set(free.json()) == set(taken.json())
    assert served.mails[-1].to == "taken@example.com"
    assert served.mails[-1].subject == "You already have an account"


async def test_a_code_of_somebody_else_changes_nothing_and_stays_theirs(url: str) -> None:
    async with serving(url, email_link="https://app.example.com/email") as served:
        ada, eve = await served.signed_in("ada@example.com"), await served.signed_in("eve@example.com")
        asked = await ask(served, ada)
        mail = served.mails[-1]

        tried = [
            await confirm(served, eve, token=link_token(mail)),
            await confirm(served, eve, code=digits(mail), flow=asked.json()["flow"]),
        ]

        assert [answer.status_code for answer in tried] == [400, 400]
        assert await email(served, eve) == "eve@example.com"
        assert (await confirm(served, ada, token=link_token(mail))).status_code == 200


async def test_an_address_that_was_taken_meanwhile_is_not_given_twice(served: Served) -> None:
    headers = await served.signed_in()
    asked = await ask(served, headers)
    code = digits(served.mails[-1])
    await served.account(NEW)

    answer = await confirm(served, headers, code=code, flow=asked.json()["flow"])

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
    assert await email(served, headers) == "ada@example.com"


async def test_two_accounts_that_want_one_address_at_once_do_not_both_get_it(served: Served) -> None:
    names = [f"p{n}@example.com" for n in range(8)]
    headers = [await served.signed_in(name) for name in names]
    flows, codes = [], []
    for header in headers:
        flows.append((await ask(served, header)).json()["flow"])
        codes.append(digits(served.mails[-1]))

    answers = await asyncio.gather(
        *(confirm(served, h, code=c, flow=f) for h, c, f in zip(headers, codes, flows, strict=True))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


async def test_the_last_of_two_changes_counts_and_the_first_code_is_dead(served: Served) -> None:
    headers = await served.signed_in()
    first = (await ask(served, headers, "first@example.org")).json()["flow"]
    first_code = digits(served.mails[-1])
    second = (await ask(served, headers, "second@example.org")).json()["flow"]

    dead = await confirm(served, headers, code=first_code, flow=first)
    crossed = await confirm(served, headers, code=first_code, flow=second)
    done = await confirm(served, headers, code=digits(served.mails[-1]), flow=second)

    assert (dead.status_code, crossed.status_code) == (400, 400)
    assert done.json()["email"] == "second@example.org"


@pytest.mark.parametrize("meanwhile", ["reset", "suspended", "signed_out"])
async def test_a_pending_change_dies_with_the_password_the_account_or_the_session(
    served: Served, meanwhile: str
) -> None:
    headers = await served.signed_in()
    asked = await ask(served, headers)
    code = digits(served.mails[-1])
    async with served.service.db.read() as work:
        account = await work.users.by_email("ada@example.com")
    assert account is not None
    match meanwhile:
        case "reset":
            flow, mail = await served.forgot()
            assert mail is not None
            given = {"code": digits(mail), "flow": flow, "password": "a brass kettle behind the moon"}
            await served.client.post("/auth/password/reset", json=given)
            headers = bearer(await served.login(password="a brass kettle behind the moon"))
        case "suspended":
            root = await served.signed_in("root@example.com", role="admin")
            await served.client.post(f"/users/{account.id}/suspend", headers=root)
        case _:
            await served.client.post("/auth/logout", headers=headers)

    answer = await confirm(served, headers, code=code, flow=asked.json()["flow"])

    assert answer.status_code in {400, 401}
    async with served.service.db.read() as work:
        assert await work.users.by_email(NEW) is None


async def test_another_spelling_of_the_own_address_can_be_taken(served: Served) -> None:
    headers = await served.signed_in()
    asked = await ask(served, headers, "Ada@Example.com")

    done = await confirm(served, headers, code=digits(served.mails[-1]), flow=asked.json()["flow"])

    assert (done.status_code, done.json()["email"]) == (200, "Ada@example.com")
