"""User names: a second name to sign in with, one person each, and nothing about addresses is learned by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from accounts.mounted import mounted, settings
from accounts.serving import PASSWORD, Served, bearer, digits, serving
from accounts.test_mapped import FULL, LEAST, legacy
from accounts.test_neutral import Work, seen
from fastness.accounts.settings import AccountSettings
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio
BOTH = ["email", "username"]


@pytest.fixture
async def served(url: str) -> AsyncIterator[Served]:
    async with serving(url, login_by=BOTH) as running:
        yield running


async def register(served: Served, email: str, username: str | None = None) -> httpx2.Response:
    given = {"email": email, "password": PASSWORD, "name": "Ada", "username": username}
    answer = await served.client.post("/auth/register", json={k: v for k, v in given.items() if v is not None})
    await served.service.mail.settled()
    return answer


async def prove(served: Served, started: httpx2.Response) -> None:
    given = {"code": digits(served.mails[-1]), "flow": started.json()["flow"]}
    assert (await served.client.post("/auth/verify-email", json=given)).status_code == 200


async def by_name(served: Served, username: str, password: str = PASSWORD) -> httpx2.Response:
    answer: httpx2.Response = await served.client.post("/auth/login", json={"username": username, "password": password})
    return answer


async def choose(served: Any, headers: dict[str, str], username: str) -> httpx2.Response:
    answer: httpx2.Response = await served.client.post(
        "/account/username", json={"username": username}, headers=headers
    )
    return answer


async def test_a_name_chosen_at_registration_signs_in_once_the_address_is_proved(served: Served) -> None:
    started = await register(served, "ada@example.com", "Ada.Lovelace")
    before = await by_name(served, "ada.lovelace")
    await prove(served, started)

    after = [await by_name(served, name) for name in ("ada.lovelace", "ADA.LOVELACE", "adalovelace")]
    profile = await served.client.get("/profile", headers=bearer(after[0].json()))

    assert before.status_code == 401
    assert [one.status_code for one in after] == [200] * 3
    assert profile.json()["username"] == "ada.lovelace"
    assert await served.login()


async def test_an_unproved_registration_keeps_nobody_from_a_name_and_the_first_proof_takes_it(served: Served) -> None:
    first = await register(served, "eve@example.com", "ada")
    mail_of_eve = served.mails[-1]
    second = await register(served, "ada@example.com", "ada")
    await prove(served, second)
    given = {"code": digits(mail_of_eve), "flow": first.json()["flow"]}
    late = await served.client.post("/auth/verify-email", json=given)

    assert late.status_code == 200
    profiles = [
        (await served.client.get("/profile", headers=bearer(await served.login(f"{who}@example.com")))).json()
        for who in ("ada", "eve")
    ]
    assert [profile["username"] for profile in profiles] == ["ada", None]
    assert (await by_name(served, "ada")).status_code == 200


@pytest.mark.parametrize("username", ["ada", "A.D.A", "admin", "ROOT", "adrnin", "adm1n", "houston"])
async def test_taken_and_reserved_names_and_their_look_alikes_get_one_answer(url: str, username: str) -> None:
    async with serving(url, login_by=BOTH, reserved_usernames=["Houston"]) as served:
        await prove(served, await register(served, "ada@example.com", "ada"))
        eve = await served.signed_in("eve@example.com")

        answers = [await register(served, "new@example.com", username), await choose(served, eve, username)]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, "username_not_available")] * 2


async def test_the_answer_about_a_name_is_the_same_whoever_has_the_address(served: Served) -> None:
    await served.account("known@example.com")
    await prove(served, await register(served, "ada@example.com", "ada"))

    taken = [seen(await register(served, f"{who}@example.com", "ada")) for who in ("known", "unknown")]
    free = [seen(await register(served, f"{who}@example.com", "free-name")) for who in ("known", "unknown")]

    assert taken[0] == taken[1]
    assert free[0] == free[1]


async def test_sign_in_by_an_unknown_name_looks_and_costs_like_a_wrong_password(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prove(served, await register(served, "ada@example.com", "ada"))
    suspended = await register(served, "sus@example.com", "suspended")
    await prove(served, suspended)
    async with served.service.db.write() as work:
        account = await work.users.by_email("sus@example.com")
        assert account is not None
        await work.users.suspend(account.id, now=1.0)
    found = []
    for name, password in (("ada", "wrong wrong wrong"), ("nobody", PASSWORD), ("suspended", PASSWORD)):
        with monkeypatch.context() as patch:
            work_ = Work(served, patch)
            answer = await by_name(served, name, password)
            found.append((seen(answer), work_.hashes, work_.mails))

    assert found[0][0][0] == 401
    assert found[0][1:] == (1, 0)
    assert all(one == found[0] for one in found)


async def test_both_names_of_an_account_share_one_count(url: str) -> None:
    async with serving(url, login_by=BOTH, throttle={"account": "3/minute"}) as served:
        await prove(served, await register(served, "ada@example.com", "ada"))
        email = {"email": "ada@example.com", "password": "wrong wrong wrong"}

        by_both = [
            (await by_name(served, "ada", "wrong wrong wrong")).status_code,
            (await served.client.post("/auth/login", json=email)).status_code,
            (await by_name(served, "A-d-a", "wrong wrong wrong")).status_code,
            (await by_name(served, "ada", "wrong wrong wrong")).status_code,
            (await served.client.post("/auth/login", json=email)).status_code,
        ]
        nobody = [(await by_name(served, name)).status_code for name in ("n0body1", "nobodyl", "no.body1", "nobody1")]

    assert by_both == [401, 401, 401, 429, 429]
    assert nobody == [401, 401, 401, 429]


async def test_a_name_is_changed_by_its_owner_who_proved_it_lately_and_is_told(served: Served) -> None:
    await served.account()
    headers = bearer(await served.login())

    first = await choose(served, headers, "Countess")
    second = await choose(served, headers, "ada")
    served.clock.ahead += 301
    stale = await choose(served, headers, "another")
    renamed = await served.client.patch("/profile", json={"name": "Ada L."}, headers=headers)

    assert (first.json(), second.json()) == ({"username": "countess"}, {"username": "ada"})
    assert (stale.status_code, stale.json()["code"]) == (401, "insufficient_user_authentication")
    assert renamed.json()["username"] == "ada"
    assert (await by_name(served, "countess")).status_code == 401
    assert (await by_name(served, "ada")).status_code == 200
    assert len(await served.about("Your user name was changed")) == 2
    assert EventType.USER_UPDATED in served.types()


async def test_thirty_people_who_want_one_name_at_once_are_one_with_it(served: Served) -> None:
    headers = [await served.signed_in(f"p{n}@example.com") for n in range(10)]
    for name in ("first-name", "second-name", "third-name"):
        answers = await asyncio.gather(*(choose(served, each, name) for each in headers * 3))

        won = [index % 10 for index, answer in enumerate(answers) if answer.status_code == 200]
        assert len(set(won)) == 1
        assert {answer.status_code for answer in answers} == {200, 409}


async def test_thirty_proofs_at_once_of_one_name_give_it_to_one(served: Served) -> None:
    flows = []
    for n in range(10):
        started = await register(served, f"p{n}@example.com", "wanted")
        flows.append({"code": digits(served.mails[-1]), "flow": started.json()["flow"]})

    answers = await asyncio.gather(*(served.client.post("/auth/verify-email", json=given) for given in flows))

    assert {answer.status_code for answer in answers} == {200}
    names = [
        (await served.client.get("/profile", headers=bearer(await served.login(f"p{n}@example.com")))).json()[
            "username"
        ]
        for n in range(10)
    ]
    assert sorted(names, key=str) == [None] * 9 + ["wanted"]


async def test_guessing_which_names_are_taken_is_counted(url: str) -> None:
    async with serving(url, login_by=BOTH, throttle={"username": "3/hour"}) as served:
        headers = await served.signed_in()

        answers = [(await choose(served, headers, f"name-{letter}")).status_code for letter in "abcde"]

    assert answers == [200] * 3 + [429] * 2


async def test_the_oauth2_form_takes_either(served: Served) -> None:
    await prove(served, await register(served, "ada@example.com", "ada"))

    async def grant(name: str) -> tuple[int, str]:
        form = {"grant_type": "password", "username": name, "password": PASSWORD}
        answer = await served.client.post("/auth/token", data=form)
        return answer.status_code, answer.json().get("code", "")

    assert [await grant(name) for name in ("ada", "ada@example.com", "eve", "x", "a b")] == [
        (200, ""), (200, ""), (400, "invalid_grant"), (400, "invalid_request"), (400, "invalid_request"),
    ]  # fmt: skip


async def test_without_the_setting_there_are_none(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db") as served:
        registered = await register(served, "ada@example.com", "ada")
        signed_in = await by_name(served, "ada")
        headers = await served.signed_in("eve@example.com")
        chosen = await choose(served, headers, "eve")

    assert (registered.status_code, registered.json()["code"]) == (422, "no_usernames")
    assert (signed_in.status_code, signed_in.json()["code"]) == (422, "no_usernames")
    assert chosen.status_code == 404


@pytest.mark.parametrize("given", [{}, {"email": "ada@example.com", "username": "ada"}, {"username": "a@b.example"}])
async def test_a_sign_in_names_one_of_the_two(served: Served, given: dict[str, str]) -> None:
    answer = await served.client.post("/auth/login", json={**given, "password": PASSWORD})

    assert answer.status_code == 422


def test_the_address_can_always_be_used() -> None:
    with pytest.raises(ValidationError):
        AccountSettings(login_by=("username",))


@pytest.mark.parametrize("columns", [FULL, LEAST], ids=["full", "least"])
@pytest.mark.parametrize(
    "kind",
    [
        "sqlite-async",
        "sqlite-sync",
        *(pytest.param(k, marks=pytest.mark.store) for k in ("postgresql-async", "postgresql-sync")),
    ],
)
async def test_people_on_a_table_that_nobody_may_touch_have_them_too(
    kind: str, columns: dict[str, str], tmp_path: Path
) -> None:
    chosen = settings(accounts={"login_by": BOTH})
    async with mounted(kind, tmp_path, user=legacy(), columns=columns, chosen=chosen) as here:
        await here.registered()
        await here.registered("eve@example.com")
        ada, eve = await here.signed_in(), await here.signed_in("eve@example.com")

        answers = await asyncio.gather(choose(here, ada, "countess"), choose(here, eve, "countess"))
        signed_in = await here.post("/auth/login", json={"username": "countess", "password": PASSWORD})
        gone = await here.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=ada)

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert (signed_in.status_code, gone.status_code) == (200, 204)
