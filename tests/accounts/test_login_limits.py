"""Guessing is slowed before anything is hashed; the owner is not."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from accounts.serving import PASSWORD, Served, digits, serving
from fastness.accounts.throttle import ThrottleSettings
from fastness.core.store import Hit, Rate

pytestmark = pytest.mark.anyio

DEFAULTS: dict[str, Any] = ThrottleSettings().model_dump()
WRONG = "not the right one at all"


def attempt(served: Served, email: str, password: str = WRONG, **more: Any) -> Any:
    return served.client.post("/auth/login", json={"email": email, "password": password, **more})


async def test_of_six_wrong_sign_ins_at_once_the_sixth_waits(url: str) -> None:
    async with serving(url, throttle={"account": DEFAULTS["account"]}) as served:
        await served.account()

        answers = await asyncio.gather(*(attempt(served, "ada@example.com") for _ in range(6)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429]
    assert refused[0].headers["retry-after"] == "60"
    assert refused[0].json()["code"] == "rate_limited"


async def test_a_refused_sign_in_is_not_hashed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(url, throttle={"account": "1/minute"}) as served:
        await served.account()
        await attempt(served, "ada@example.com")

        async def refuse(_: Any) -> None:
            raise AssertionError("it was hashed")

        monkeypatch.setattr(served.service.passwords._pool, "run", refuse)
        answer = await attempt(served, "ada@example.com", PASSWORD)

    assert answer.status_code == 429


async def test_unknown_and_known_accounts_are_slowed_alike(url: str) -> None:
    async with serving(url, throttle={"account": DEFAULTS["account"]}) as served:
        await served.account("ada@example.com")

        for email in ("ada@example.com", "nobody@example.com"):
            answers = [await attempt(served, email) for _ in range(6)]

            assert [answer.status_code for answer in answers] == [401] * 5 + [429]
            assert answers[-1].headers["retry-after"] == "60"


async def test_a_known_device_signs_in_while_strangers_are_slowed(url: str) -> None:
    async with serving(url, throttle={"account": DEFAULTS["account"]}) as served:
        await served.account()
        device = (await served.login())["device_token"]
        for _ in range(6):
            await attempt(served, "ada@example.com")

        stranger = await attempt(served, "ada@example.com", PASSWORD)
        owner = await attempt(served, "ada@example.com", PASSWORD, device_token=device)
        forged = await attempt(served, "ada@example.com", PASSWORD, device_token="A" * len(device))

    assert (stranger.status_code, owner.status_code, forged.status_code) == (429, 200, 429)
    assert owner.json()["device_token"] == device


async def test_a_device_known_to_one_account_is_a_stranger_to_another(url: str) -> None:
    async with serving(url, throttle={"account": "2/minute"}) as served:
        await served.account("eve@example.com")
        await served.account("ada@example.com")
        eves = (await served.login("eve@example.com"))["device_token"]

        answers = [await attempt(served, "ada@example.com", device_token=eves) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_a_success_resets_the_account_and_not_the_address(url: str) -> None:
    async with serving(url, throttle={"account": DEFAULTS["account"], "address": "10/minute"}) as served:
        await served.account()
        for _ in range(4):
            await attempt(served, "ada@example.com")
        await served.login()
        again = [await attempt(served, "ada@example.com") for _ in range(6)]

    assert [answer.status_code for answer in again] == [401] * 5 + [429]


async def test_spellings_of_one_address_share_one_bucket(url: str) -> None:
    async with serving(url, throttle={"account": DEFAULTS["account"]}) as served:
        spellings = ["ada@example.com", "ADA@example.com", "ada@EXAMPLE.com", " ada@example.com", "Ada@example.com."]

        answers = [await attempt(served, spellings[n % len(spellings)]) for n in range(6)]

    assert [answer.status_code for answer in answers if answer.status_code != 422][-1] in {401, 429}
    assert sum(answer.status_code == 401 for answer in answers) <= 5


async def test_both_ways_to_sign_in_share_one_bucket(url: str) -> None:
    async with serving(url, throttle={"account": DEFAULTS["account"]}) as served:
        form = {"grant_type": "password", "username": "ada@example.com", "password": WRONG}
        answers = [await served.client.post("/auth/token", data=form) for _ in range(3)]
        answers += [await attempt(served, "ada@example.com") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400] * 3 + [401] * 2 + [429]


async def test_after_a_hundred_failures_a_mailed_code_lets_the_owner_in_on_a_new_device(url: str) -> None:
    async with serving(url, throttle={"failures": 5}, verify_link="https://app.example.com/v") as served:
        await served.account()
        for _ in range(5):
            await attempt(served, "ada@example.com")

        refused = await attempt(served, "ada@example.com", PASSWORD)
        await served.service.mail.settled()
        asked = await served.client.post("/auth/verify-email/resend", json={"email": "ada@example.com"})
        await served.service.mail.settled()
        letters = [mail.subject for mail in served.mails[1:]]
        proved = await served.client.post(
            "/auth/verify-email", json={"code": digits(served.mails[-1]), "flow": asked.json()["flow"]}
        )
        device = proved.json()["device_token"]
        let_in = await attempt(served, "ada@example.com", PASSWORD, device_token=device)

    assert refused.status_code == 429
    assert letters == ["Confirm this device"] * 2
    assert let_in.status_code == 200


async def test_a_code_that_nobody_could_type_is_not_mailed(url: str) -> None:
    async with serving(url, throttle={"failures": 5}) as served:
        await served.account()

        for _ in range(9):
            await attempt(served, "ada@example.com")
        await served.service.mail.settled()

    assert len(served.mails) == 1  # that of the registration: without a link a code needs a flow, and nobody has one


async def test_strangers_failures_leave_the_owner_the_mails_that_he_asks_for(url: str) -> None:
    async with serving(
        url, throttle={"failures": 5, "mail": "3/hour"}, verify_link="https://app.example.com/v"
    ) as served:
        await served.account()
        for _ in range(20):
            await attempt(served, "ada@example.com")
        await served.service.mail.settled()
        caused = len(served.mails) - 1
        asked = await served.client.post("/auth/verify-email/resend", json={"email": "ada@example.com"})
        await served.service.mail.settled()
        proved = await served.client.post(
            "/auth/verify-email", json={"code": digits(served.mails[-1]), "flow": asked.json()["flow"]}
        )

    assert caused == 3
    assert proved.status_code == 200


async def test_mails_to_one_person_are_bounded_and_the_answer_does_not_show_it(url: str) -> None:
    async with serving(url, throttle={"mail": "3/hour"}) as served:
        await served.account()

        answers = [
            await served.client.post("/auth/verify-email/resend", json={"email": "ada@example.com"}) for _ in range(9)
        ]
        await served.service.mail.settled()

    assert {answer.status_code for answer in answers} == {202}
    assert len(served.mails) == 3


async def test_registrations_of_one_client_are_bounded(url: str) -> None:
    async with serving(url, throttle={"register_address": "2/hour"}) as served:
        answers: list[httpx2.Response] = [
            await served.client.post(
                "/auth/register", json={"email": f"n{n}@example.com", "password": PASSWORD, "name": "N"}
            )
            for n in range(3)
        ]

    assert [answer.status_code for answer in answers] == [202, 202, 429]


async def test_a_store_that_is_away_never_unlimits_and_never_breaks_sign_in(url: str) -> None:
    class Away:
        def hit(self, key: str, rate: Rate) -> Hit:
            raise ConnectionError

        def reset(self, key: str) -> None:
            raise ConnectionError

    async with serving(url, throttle={"account": DEFAULTS["account"]}, store=Away()) as served:
        await served.account()
        good = await attempt(served, "ada@example.com", PASSWORD)
        bad = [await attempt(served, "eve@example.com") for _ in range(6)]

    assert good.status_code == 200
    assert [answer.status_code for answer in bad] == [401] * 5 + [429]


async def test_the_password_asked_before_deletion_is_throttled_too(url: str) -> None:
    async with serving(url, throttle={"account": DEFAULTS["account"]}) as served:
        headers = await served.signed_in()

        answers = [
            await served.client.request("DELETE", "/account", json={"password": WRONG}, headers=headers)
            for _ in range(6)
        ]

    assert [answer.status_code for answer in answers] == [403] * 5 + [429]


async def test_a_stolen_session_guesses_no_password_for_long(url: str) -> None:
    async with serving(url, throttle={"failures": 5}) as served:
        headers = await served.signed_in()

        async def guess() -> int:
            answer = await served.client.request("DELETE", "/account", json={"password": WRONG}, headers=headers)
            return answer.status_code

        guesses = [await guess() for _ in range(6)]
        served.clock.ahead += 300
        later = await guess()
        await served.login()
        after_a_sign_in = await guess()

    assert guesses == [403] * 5 + [429]
    assert (later, after_a_sign_in) == (429, 403)
