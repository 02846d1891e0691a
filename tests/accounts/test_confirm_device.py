"""Confirm device: with the setting, a stolen password alone signs in nowhere new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from accounts.serving import PASSWORD, Served, bearer, digits, serving

pytestmark = pytest.mark.anyio
SUBJECT = "Confirm that it is you"


@pytest.fixture
async def served(url: str) -> AsyncIterator[Served]:
    async with serving(url, new_device_confirmation=True) as running:
        yield running


async def confirm(served: Served, token: str, code: str, **how: Any) -> httpx2.Response:
    given = {"mfa_token": token, "code": code}
    answer: httpx2.Response = await served.client.post("/auth/login/confirm", json=given, **how)
    return answer


async def begun(served: Served) -> tuple[str, str]:
    """A sign-in from a new device: its challenge and the mailed code."""
    token = await served.challenge()
    return token, digits((await served.about(SUBJECT))[-1])


async def test_a_new_device_needs_the_mailed_code_and_is_known_afterwards(served: Served) -> None:
    await served.account()

    first = await served.login()
    code = digits((await served.about(SUBJECT))[-1])
    done = await confirm(served, first["mfa_token"], code)
    again = await served.login(device_token=done.json()["device_token"])

    assert first["methods"] == ["email_code"]
    assert done.status_code == 200
    assert "access_token" in again
    sessions = (await served.client.get("/account/sessions", headers=bearer(again))).json()["items"]
    assert {" ".join(one["methods"]) for one in sessions} == {"pwd", "pwd email"}


async def test_the_device_that_proved_the_address_is_known_already(served: Served) -> None:
    flow = await served.register("ada@example.com")
    proved = await served.client.post("/auth/verify-email", json={"code": digits(served.mails[-1]), "flow": flow})

    assert "access_token" in await served.login(device_token=proved.json()["device_token"])


async def test_the_code_works_with_its_own_challenge_once_and_for_five_tries(served: Served) -> None:
    await served.account()
    token, code = await begun(served)
    other, other_code = await begun(served)

    crossed = [await confirm(served, other, code), await confirm(served, token, other_code)]
    done = await confirm(served, token, code)
    again = await confirm(served, token, code)
    wrong = f"{(int(other_code) + 1) % 10**8:08d}"
    tries = [(await confirm(served, other, wrong)).status_code for _ in range(5)]
    after = await confirm(served, other, other_code)

    assert [one.status_code for one in crossed] == [403, 403]
    assert (done.status_code, again.status_code) == (200, 401)
    assert tries == [403] * 4 + [401]
    assert after.status_code == 401


async def test_no_factor_can_be_enrolled_around_the_code(served: Served) -> None:
    await served.account()
    token, code = await begun(served)

    enrolled = await served.client.post("/auth/mfa/enrol", json={"mfa_token": token})
    as_factor = await served.client.post("/auth/mfa", json={"mfa_token": token, "code": code[:6]})

    assert (enrolled.status_code, as_factor.status_code) == (401, 401)


async def test_a_second_factor_is_enough_without_the_mailbox_and_its_challenge_takes_no_mailed_code(
    served: Served,
) -> None:
    await served.account()
    token, code = await begun(served)
    tokens = (await confirm(served, token, code)).json()
    waiting, its_code = await begun(served)
    made = (await served.client.post("/account/factors/totp", json={}, headers=bearer(tokens))).json()
    seed_code = served.totp(seed_of(made))
    path = f"/account/factors/{made['id']}/confirm"
    assert (await served.client.post(path, json={"code": seed_code}, headers=bearer(tokens))).status_code == 200
    served.mails.clear()

    answer = await served.login()
    late = await confirm(served, waiting, its_code)

    assert "totp" in answer["methods"]
    assert await served.about(SUBJECT) == []
    assert (await confirm(served, answer["mfa_token"], its_code)).status_code == 401
    assert late.status_code == 401


def seed_of(made: dict[str, Any]) -> bytes:
    import base64

    return base64.b32decode(made["secret"] + "=" * (-len(made["secret"]) % 8))


@pytest.mark.parametrize("change", ["password", "suspended"])
async def test_a_change_of_the_account_ends_what_waits(served: Served, change: str) -> None:
    user_id = await served.account()
    token, code = await begun(served)
    async with served.service.db.write() as work:
        account = await work.users.by_id(user_id)
        assert account is not None
        if change == "password":
            await work.users.set_password_hash(user_id, "$new", old=account.password_hash)
        else:
            await work.users.suspend(user_id, now=1.0)

    assert (await confirm(served, token, code)).status_code == 401


async def test_a_wrong_password_mails_nothing_and_a_thief_cannot_flood_the_mailbox(url: str) -> None:
    async with serving(url, new_device_confirmation=True, throttle={"device_mail": "3/day"}) as served:
        await served.account()
        await served.client.post("/auth/login", json={"email": "ada@example.com", "password": "wrong wrong wrong"})
        before = await served.about(SUBJECT)
        credentials = {"email": "ada@example.com", "password": PASSWORD}
        answers = [(await served.client.post("/auth/login", json=credentials)).status_code for _ in range(5)]

        assert before == []
        assert answers == [200] * 3 + [429] * 2
        assert len(await served.about(SUBJECT)) == 3


async def test_a_browser_gets_its_cookie_at_the_end(served: Served) -> None:
    await served.account()
    ours = {"sec-fetch-site": "same-origin"}
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    first = await served.client.post("/auth/login?mode=cookie", json=credentials, headers=ours)
    code = digits((await served.about(SUBJECT))[-1])
    given = {"mfa_token": first.json()["mfa_token"], "code": code}

    as_token = await served.client.post("/auth/login/confirm", json=given)
    crossed = await served.client.post(
        "/auth/login/confirm?mode=cookie", json=given, headers={"sec-fetch-site": "cross-site"}
    )
    done = await served.client.post("/auth/login/confirm?mode=cookie", json=given, headers=ours)

    assert (as_token.status_code, crossed.status_code, done.status_code) == (401, 403, 200)
    assert "__Host-session=" in done.headers["set-cookie"]


async def test_the_password_grant_lets_no_new_device_in(served: Served) -> None:
    await served.account()
    form = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD}

    answer = await served.client.post("/auth/token", data=form)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_grant")


async def test_thirty_at_once_finish_one_sign_in(served: Served) -> None:
    await served.account()
    for _ in range(3):
        token, code = await begun(served)

        answers = await asyncio.gather(*(confirm(served, token, code) for _ in range(30)))

        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 29


async def test_it_is_off_unless_it_is_turned_on(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db") as served:
        assert (await confirm(served, "a", "12345678")).status_code == 404
