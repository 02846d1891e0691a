"""Change password: the current one is asked for, this session goes on, every other one ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from accounts.serving import PASSWORD, Served, bearer, serving
from fastness.accounts.flows.client import described

pytestmark = pytest.mark.anyio

NEW = "a brass kettle behind the moon"


async def change(served: Served, headers: dict[str, str], **given: str) -> Any:
    body = {"password": PASSWORD, "new_password": NEW, **given}
    return await served.client.post("/account/password", json=body, headers=headers)


async def test_the_owner_changes_it_and_is_the_only_one_left(served: Served) -> None:
    await served.account()
    other, mine = await served.login(), await served.login()

    answer = await change(served, bearer(mine))

    assert answer.status_code == 204
    assert (await served.client.get("/profile", headers=bearer(mine))).status_code == 200
    assert (await served.client.get("/profile", headers=bearer(other))).status_code == 401
    refused = await served.client.post("/auth/refresh", json={"refresh_token": other["refresh_token"]})
    kept = await served.client.post("/auth/refresh", json={"refresh_token": mine["refresh_token"]})
    assert (refused.status_code, kept.status_code) == (401, 200)
    assert await served.login(password=NEW)
    assert [mail.to for mail in await served.about("Your password was changed")] == ["ada@example.com"]


async def test_a_stolen_token_without_the_password_changes_nothing(served: Served) -> None:
    await served.account()
    stolen = bearer(await served.login())

    answer = await change(served, stolen, password="a guess at the password")

    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")
    assert await served.login()
    assert await served.about("Your password was changed") == []


async def test_guesses_at_the_current_password_are_counted(url: str) -> None:
    async with serving(url, throttle={"account": "5/minute"}) as served:
        await served.account()
        stolen = bearer(await served.login())

        answers = [(await change(served, stolen, password=f"guess number {n} of it")).status_code for n in range(7)]

    assert answers == [403] * 5 + [429] * 2


async def test_a_weak_password_is_refused(served: Served) -> None:
    await served.account("adalovelace@example.com")
    headers = bearer(await served.login("adalovelace@example.com"))

    for weak in ("brief one", "passwordpassword", "adalovelace1815"):
        answer = await change(served, headers, new_password=weak)

        assert (answer.status_code, answer.json()["code"]) == (422, "weak_password")
        assert weak not in answer.text


async def test_a_session_that_ended_meanwhile_changes_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    await served.account()
    stolen, mine = await served.login(), await served.login()
    check = served.service.passwords.check

    async def slow(given: Any, stored: str | None) -> Any:
        monkeypatch.setattr(served.service.passwords, "check", check)
        await served.client.delete("/account/sessions", headers=bearer(mine))
        return await check(given, stored)

    monkeypatch.setattr(served.service.passwords, "check", slow)
    answer = await change(served, bearer(stolen))

    assert answer.status_code == 401
    assert await served.login()


async def test_of_many_changes_at_once_one_counts_and_no_session_of_before_survives(served: Served) -> None:
    await served.account()
    sessions = [await served.login() for _ in range(8)]
    wanted = [f"{NEW} {n}" for n in range(8)]

    answers = await asyncio.gather(
        *(change(served, bearer(one), new_password=new) for one, new in zip(sessions, wanted, strict=True))
    )

    won = [n for n, answer in enumerate(answers) if answer.status_code == 204]
    alive = [n for n, one in enumerate(sessions)
             if (await served.client.get("/profile", headers=bearer(one))).status_code == 200]  # fmt: skip
    assert len(won) == 1
    assert alive == won
    assert await served.login(password=wanted[won[0]])


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Buy cheap watches at http://evil.example", "an unknown program"),
        ("", "an unknown program"),
    ],
)
def test_a_device_is_named_in_our_words_only(agent: str, device: str) -> None:
    assert described(agent) == device
