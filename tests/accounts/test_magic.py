"""Magic: a mailed link or code signs in, once, in the browser that asked, and around no second factor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from accounts.mounted import mounted, settings
from accounts.serving import PASSWORD, Served, bearer, digits, link_token, serving
from accounts.test_mapped import LEAST, legacy
from fastness.accounts.mail import Mail
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio

PAGE = "https://app.example.com/magic"


@pytest.fixture
async def served(url: str) -> AsyncIterator[Served]:
    async with serving(url, magic=True, magic_link=PAGE) as running:
        yield running


async def asked(served: Served, email: str = "ada@example.com", **more: Any) -> tuple[str, Mail | None]:
    """Ask for a code: the flow, and the mail when one came. The client forgets its cookie."""
    before = len(served.mails)
    answer = await served.client.post("/auth/magic", json={"email": email, **more})
    assert answer.status_code == 202, answer.text
    await served.service.mail.settled()
    served.client.cookies.clear()
    flow: str = answer.json()["flow"]
    return flow, served.mails[-1] if len(served.mails) > before else None


async def mailed(served: Served, email: str = "ada@example.com", **more: Any) -> tuple[str, Mail]:
    flow, mail = await asked(served, email, **more)
    assert mail is not None
    return flow, mail


async def redeem(served: Served, **given: Any) -> httpx2.Response:
    answer: httpx2.Response = await served.client.post("/auth/magic/redeem", json=given)
    return answer


@pytest.mark.parametrize("way", ["code", "link", "cookie"])
async def test_a_mailed_code_or_link_signs_in_without_a_password(served: Served, way: str) -> None:
    await served.account()
    answer = await served.client.post("/auth/magic", json={"email": "Ada@Example.com"})
    await served.service.mail.settled()
    flow, mail = answer.json()["flow"], served.mails[-1]
    assert f"{PAGE}#token=" in mail.text

    match way:
        case "code":
            done = await redeem(served, code=digits(mail), flow=flow)
        case "link":
            done = await redeem(served, token=link_token(mail), flow=flow)
        case _:  # as a browser keeps it
            served.client.cookies.clear()
            cookie = {"cookie": f"__Host-flow={flow}"}
            done = await served.client.post("/auth/magic/redeem", json={"token": link_token(mail)}, headers=cookie)

    assert done.status_code == 200, done.text
    assert set(done.json()) == {"access_token", "token_type", "expires_in", "refresh_token", "device_token"}
    profile = await served.client.get("/profile", headers=bearer(done.json()))
    sessions = (await served.client.get("/account/sessions", headers=bearer(done.json()))).json()["items"]
    assert profile.json()["email"] == "ada@example.com"
    assert [one["methods"] for one in sessions if one["current"]] == [["email"]]
    assert EventType.AUTHN_LOGIN_SUCCESS in served.types()


async def test_neither_link_nor_code_works_in_another_browser_and_the_link_is_not_spent_there(served: Served) -> None:
    await served.account()
    flow, mail = await mailed(served)
    other, _ = await mailed(served)

    elsewhere = [
        await redeem(served, token=link_token(mail)),
        await redeem(served, token=link_token(mail), flow=other),
        await redeem(served, code=digits(mail)),
        await redeem(served, code=digits(mail), flow="another-browser"),
    ]

    assert {(one.status_code, one.json()["code"]) for one in elsewhere} == {(400, "invalid_code")}
    assert (await redeem(served, token=link_token(mail), flow=flow)).status_code == 200


async def test_it_works_once_for_ten_minutes_and_five_tries(served: Served) -> None:
    await served.account()
    flow, mail = await mailed(served)
    first = await redeem(served, code=digits(mail), flow=flow)
    again = [
        await redeem(served, code=digits(mail), flow=flow),
        await redeem(served, token=link_token(mail), flow=flow),
    ]
    flow, mail = await mailed(served)
    served.clock.ahead += 601
    late = [await redeem(served, code=digits(mail), flow=flow), await redeem(served, token=link_token(mail), flow=flow)]
    flow, mail = await mailed(served)
    wrong = f"{(int(digits(mail)) + 1) % 10**8:08d}"
    tries = [await redeem(served, code=wrong, flow=flow) for _ in range(5)]
    after = await redeem(served, code=digits(mail), flow=flow)

    assert first.status_code == 200
    assert {one.status_code for one in [*again, *late, *tries, after]} == {400}
    assert served.types().count(EventType.AUTHN_CODE_FAIL) == 10


async def test_a_second_factor_is_asked_for_as_ever(served: Served) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()
    flow, mail = await mailed(served)

    challenge = await redeem(served, code=digits(mail), flow=flow)
    guess = await served.client.post("/auth/mfa", json={"mfa_token": challenge.json()["mfa_token"], "code": "000000"})
    done = await served.client.post(
        "/auth/mfa", json={"mfa_token": challenge.json()["mfa_token"], "code": served.totp(seed)}
    )
    sessions = await served.client.get("/account/sessions", headers=bearer(done.json()))

    assert set(challenge.json()) == {"mfa_token", "methods"}
    assert (guess.status_code, done.status_code) == (403, 200)
    assert next(one["methods"] for one in sessions.json()["items"] if one["current"]) == ["email", "otp", "mfa"]


async def test_whoever_must_have_a_factor_enrols_it_first(url: str) -> None:
    async with serving(url, magic=True, mfa={"required": "everyone"}) as served:
        await served.account()
        flow, mail = await mailed(served)

        challenge = await redeem(served, code=digits(mail), flow=flow)

    assert challenge.json()["methods"] == ["enrol"]


async def test_an_owner_who_signs_in_by_mail_finds_nothing_of_a_stranger_who_registered_before(url: str) -> None:
    async with serving(url, magic=True, unsafe_allow_unverified=True) as served:
        await served.register("ada@example.com", "the password of a stranger", "Eve")
        stranger = await served.login(password="the password of a stranger")
        _, seed, _ = await served.with_totp(password="the password of a stranger")
        signed = await served.challenge(password="the password of a stranger")
        fresh = (await served.client.post("/auth/mfa", json={"mfa_token": signed, "code": served.totp(seed)})).json()
        key = (await served.client.post("/account/api-keys", json={"name": "mine"}, headers=bearer(fresh))).json()
        flow, mail = await mailed(served)

        done = await redeem(served, code=digits(mail), flow=flow)

        assert done.status_code == 200
        profile = (await served.client.get("/profile", headers=bearer(done.json()))).json()
        assert (profile["verified"], profile["name"]) == (True, "")
        for tokens in (stranger, fresh):
            assert (await served.client.get("/profile", headers=bearer(tokens))).status_code == 401
            given = {"refresh_token": tokens["refresh_token"]}
            assert (await served.client.post("/auth/refresh", json=given)).status_code == 401
        login = {"email": "ada@example.com", "password": "the password of a stranger"}
        assert (await served.client.post("/auth/login", json=login)).status_code == 401
        keys = (await served.client.get("/account/api-keys", headers=bearer(done.json()))).json()
        factors = (await served.client.get("/account/factors", headers=bearer(done.json()))).json()
        assert (key["name"], keys["total"], factors["total"], factors["recovery_codes_left"]) == ("mine", 0, 0, 0)


async def test_it_is_the_way_back_in_for_whoever_has_no_password(served: Served) -> None:
    user_id = await served.account()
    root = await served.signed_in("root@example.com", role="admin")
    await served.client.post(f"/users/{user_id}/password/force-reset", headers=root)
    flow, mail = await mailed(served)

    done = await redeem(served, code=digits(mail), flow=flow)

    assert done.status_code == 200


@pytest.mark.parametrize(
    "state", ["unknown", "suspended", "suspended meanwhile", "deleted meanwhile", "address changed"]
)
async def test_no_other_account_is_signed_in(served: Served, state: str) -> None:
    user_id = await served.account()
    if state in {"unknown", "suspended"}:
        await served.account("suspended@example.com", suspended=True)
        assert (await asked(served, f"{state}@example.com"))[1] is None
        return
    flow, mail = await mailed(served)
    async with served.service.db.write() as work:
        match state:
            case "suspended meanwhile":
                await work.users.suspend(user_id, now=1.0)
            case "deleted meanwhile":
                await work.users.delete(user_id)
            case _:
                given = {"email": "countess@example.com", "canonical": "countess@example.com", "old": "ada@example.com"}
                await work.users.change_email(user_id, **given, now=1.0)

    assert (await redeem(served, token=link_token(mail), flow=flow)).status_code == 400


async def test_a_new_password_ends_the_codes_of_before(served: Served) -> None:
    await served.account()
    flow, mail = await mailed(served)
    given = {"password": PASSWORD, "new_password": "another brass kettle entirely"}
    await served.client.post("/account/password", json=given, headers=bearer(await served.login()))

    assert (await redeem(served, token=link_token(mail), flow=flow)).status_code == 400


async def test_strangers_cannot_use_up_the_mails_of_a_device_that_is_known(url: str) -> None:
    async with serving(url, magic=True, throttle={"magic_mail": "2/day"}) as served:
        await served.account()
        device = (await served.login())["device_token"]

        strangers = [(await asked(served))[1] is not None for _ in range(4)]
        forged = [(await asked(served, device_token="another"))[1] is not None]
        owner = [(await asked(served, device_token=device))[1] is not None for _ in range(3)]

    assert (strangers, forged, owner) == ([True, True, False, False], [False], [True, True, False])


async def test_a_success_lets_a_device_in_that_a_hundred_failures_kept_out(url: str) -> None:
    async with serving(url, magic=True, throttle={"failures": 5}) as served:
        await served.account()
        for _ in range(6):
            await served.client.post("/auth/login", json={"email": "ada@example.com", "password": "wrong wrong wrong"})
        kept_out = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
        flow, mail = await mailed(served)
        done = await redeem(served, code=digits(mail), flow=flow)

        assert (kept_out.status_code, done.status_code) == (429, 200)
        assert await served.login()


async def test_a_browser_gets_a_cookie_and_only_from_our_own_page(served: Served) -> None:
    await served.account()
    flow, mail = await mailed(served)
    given = {"code": digits(mail), "flow": flow}

    crossed = await served.client.post(
        "/auth/magic/redeem?mode=cookie", json=given, headers={"sec-fetch-site": "cross-site"}
    )
    done = await served.client.post(
        "/auth/magic/redeem?mode=cookie", json=given, headers={"sec-fetch-site": "same-origin"}
    )

    assert crossed.status_code == 403
    assert set(done.json()) == {"expires_in", "csrf_token"}
    assert "__Host-session=" in done.headers["set-cookie"]


@pytest.mark.parametrize("way", ["link", "code"])
async def test_thirty_at_once_sign_in_once(served: Served, way: str) -> None:
    await served.account()
    for _ in range(3):
        flow, mail = await mailed(served)
        given = {"flow": flow, "token": link_token(mail)} if way == "link" else {"flow": flow, "code": digits(mail)}

        answers = await asyncio.gather(*(redeem(served, **given) for _ in range(30)))

        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 29


async def test_thirty_guesses_at_once_share_five_tries(served: Served) -> None:
    await served.account()
    flow, mail = await mailed(served)
    right = int(digits(mail))
    wrong = [f"{(right + n) % 10**8:08d}" for n in range(1, 31)]

    await asyncio.gather(*(redeem(served, code=one, flow=flow) for one in wrong))
    async with served.service.db.read() as work:
        left = await work.users.connection.execute(
            text("SELECT tries_left FROM fastness_codes WHERE purpose = :of"), {"of": "magic"}
        )

    assert list(left.scalars()) == [0]


async def test_it_is_off_unless_it_is_turned_on(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db") as served:
        asked_ = await served.client.post("/auth/magic", json={"email": "ada@example.com"})

    assert asked_.status_code == 404


@pytest.mark.parametrize("kind", ["sqlite-sync", pytest.param("postgresql-async", marks=pytest.mark.store)])
async def test_it_works_on_a_table_that_nobody_may_touch(kind: str, tmp_path: Path) -> None:
    chosen = settings(accounts={"magic": True})
    async with mounted(kind, tmp_path, user=legacy(), columns=LEAST, chosen=chosen) as here:
        given = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
        await here.post("/auth/register", json=given)  # and never proved
        flow = (await here.post("/auth/magic", json={"email": "ada@example.com"})).json()["flow"]
        await here.accounts.settled()
        done = await here.post("/auth/magic/redeem", json={"code": digits(here.mailer.outbox[-1]), "flow": flow})
        profile = await here.client.get("/profile", headers=bearer(done.json()))

    assert (profile.json()["verified"], profile.json()["name"]) == (True, "")
