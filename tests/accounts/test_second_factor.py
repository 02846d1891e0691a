"""Second factors: a code once, one counter for all guesses, recovery codes once, and nothing usable in a dump."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from accounts.serving import PASSWORD, Clock, Served, bearer, digits, serving
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(url: str) -> AsyncIterator[Served]:
    """The service at a moment that lasts."""
    async with serving(url, clock=Clock.at_rest()) as running:
        yield running


async def finish(served: Served, mfa_token: str, **given: Any) -> Any:
    return await served.client.post("/auth/mfa", json={"mfa_token": mfa_token, **given})


async def factors(served: Served, tokens: dict[str, Any]) -> Any:
    return (await served.client.get("/account/factors", headers=bearer(tokens))).json()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_an_app_is_added_and_asked_for_at_the_next_sign_in(served: Served) -> None:
    await served.account()
    other = await served.login()
    tokens, seed, codes = await served.with_totp()

    answer = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    done = await finish(served, answer.json()["mfa_token"], code=served.totp(seed))

    assert answer.json()["methods"] == ["totp", "recovery_code"]
    assert (done.status_code, set(done.json())) == (
        200, {"access_token", "token_type", "expires_in", "refresh_token", "device_token"},
    )  # fmt: skip
    assert (await served.client.get("/profile", headers=bearer(done.json()))).status_code == 200
    assert (await served.client.get("/profile", headers=bearer(other))).status_code == 401  # others ended
    assert (await served.client.get("/profile", headers=bearer(tokens))).status_code == 200
    assert len(codes) == 10
    held = await factors(served, done.json())
    assert (held["total"], held["recovery_codes_left"], held["items"][0]["kind"]) == (1, 10, "totp")
    assert len(await served.about("A second factor was added to your account")) == 1
    assert EventType.AUTHN_FACTOR_CHANGE in served.types()


async def test_the_session_says_how_it_was_proved(served: Served) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()

    done = (await finish(served, await served.challenge(), code=served.totp(seed))).json()
    listed = (await served.client.get("/account/sessions", headers=bearer(done))).json()["items"]

    assert next(one for one in listed if one["current"])["methods"] == ["pwd", "otp", "mfa"]
    assert served.service.tokens.verify(done["access_token"]).methods == ("pwd", "otp", "mfa")


async def test_an_app_that_was_never_confirmed_locks_nobody_out(served: Served) -> None:
    await served.account()
    await served.client.post("/account/factors/totp", json={}, headers=bearer(await served.login()))

    assert "access_token" in await served.login()


async def test_a_code_is_accepted_once_and_none_before_it(served: Served) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()
    code = served.totp(seed)

    first = await finish(served, await served.challenge(), code=code)
    again = await finish(served, await served.challenge(), code=code)
    served.clock.ahead += 30
    old = await finish(served, await served.challenge(), code=code)

    assert (first.status_code, again.status_code, old.status_code) == (200, 403, 403)
    assert again.json()["code"] == "invalid_factor"


@pytest.mark.parametrize("what", ["code", "recovery_code"])
async def test_fifty_at_once_with_one_code_make_one_session(served: Served, what: str) -> None:
    await served.account()
    _, seed, codes = await served.with_totp()
    for round_ in range(2):
        tokens = [await served.challenge() for _ in range(25)]
        given = {what: served.totp(seed) if what == "code" else codes[round_]}

        answers = await asyncio.gather(*(finish(served, token, **given) for token in tokens * 2))

        assert [answer.status_code for answer in answers].count(200) == 1
        assert {answer.status_code for answer in answers} <= {200, 401, 403}
        served.clock.ahead += 30


async def test_one_challenge_opens_one_session(served: Served) -> None:
    await served.account()
    _, _, codes = await served.with_totp()
    token = await served.challenge()

    answers = await asyncio.gather(*(finish(served, token, recovery_code=code) for code in codes[:4]))
    later = await finish(served, token, recovery_code=codes[5])

    assert [answer.status_code for answer in answers].count(200) == 1
    assert later.status_code == 401


async def test_a_sign_in_that_mails_wakes_the_courier_and_one_that_does_not_leaves_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken, step = list[str](), ""
    await served.account()
    await served.account("bob@example.com")
    with monkeypatch.context() as patch:
        patch.setattr(served.service.mail, "wake", lambda: woken.append(step))
        step = "a new device"
        device = (await served.login("bob@example.com"))["device_token"]
        step = "a known device"
        await served.login("bob@example.com", device_token=device)
        assert woken == ["a new device"]
    _, seed, codes = await served.with_totp()
    known = (await finish(served, await served.challenge(), code=served.totp(seed))).json()["device_token"]
    token = await served.challenge(device_token=known)
    with monkeypatch.context() as patch:
        patch.setattr(served.service.mail, "wake", lambda: woken.append(step))
        step = "a recovery code"
        assert (await finish(served, token, recovery_code=codes[0], device_token=known)).status_code == 200
    assert woken[1:]
    assert set(woken[1:]) == {"a recovery code"}


async def test_a_recovery_code_works_once_in_any_writing_and_is_told(served: Served) -> None:
    await served.account()
    _, _, codes = await served.with_totp()

    done = await finish(served, await served.challenge(), recovery_code=codes[0].lower().replace("-", " "))
    again = await finish(served, await served.challenge(), recovery_code=codes[0])

    assert (done.status_code, again.status_code) == (200, 403)
    assert (await factors(served, done.json()))["recovery_codes_left"] == 9
    (mail,) = await served.about("A recovery code was used")
    assert "9 are left" in mail.text


async def test_five_wrong_codes_end_a_challenge_and_the_owner_is_told(served: Served) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()
    token = await served.challenge()

    tries = [(await finish(served, token, code=wrong(served.totp(seed)))).status_code for _ in range(5)]
    after = await finish(served, token, code=served.totp(seed))

    assert tries == [403] * 5
    assert (after.status_code, after.json()["code"]) == (401, "invalid_mfa_token")
    assert len(await served.about("Somebody knows your password")) == 1


async def test_one_counter_holds_for_every_challenge_factor_and_address(url: str) -> None:
    async with serving(url, clock=Clock.at_rest(), throttle={"factor": ["5/5 minutes", "20/hour", "50/day"]}) as served:
        await served.account()
        await served.account("eve@example.com")
        _, seed, codes = await served.with_totp()
        served.clock.ahead += 3600
        tokens = [await served.challenge() for _ in range(4)]

        tries = [(await finish(served, tokens[n % 4], code=wrong(served.totp(seed)))).status_code for n in range(3)]
        tries += [(await finish(served, tokens[n % 4], recovery_code="A" * 26)).status_code for n in range(4)]
        right = await finish(served, tokens[3], code=served.totp(seed))
        other = await served.login("eve@example.com")

    assert tries == [403] * 5 + [429] * 2
    assert right.status_code == 429
    assert codes
    assert "access_token" in other


async def test_a_success_does_not_refill_the_day(url: str) -> None:
    async with serving(url, clock=Clock.at_rest(), throttle={"factor": ["5/5 minutes", "9/day"]}) as served:
        await served.account()
        _, seed, _ = await served.with_totp()  # its code is the first of the nine

        async def rounds() -> list[int]:
            token = await served.challenge()
            found = [(await finish(served, token, code=wrong(served.totp(seed)))).status_code for _ in range(3)]
            found.append((await finish(served, token, code=served.totp(seed))).status_code)
            served.clock.ahead += 30
            return found

        found = [*await rounds(), *await rounds(), *await rounds()]

    assert found == [403, 403, 403, 200, 403, 403, 403, 200, 429, 429, 429, 429]


@pytest.mark.parametrize("meanwhile", ["password", "role", "suspended", "signed_out", "late"])
async def test_a_challenge_dies_when_the_account_changes(served: Served, meanwhile: str) -> None:
    user_id = await served.account()
    _, seed, _ = await served.with_totp()
    root = await served.signed_in("root@example.com", role="admin")
    token = await served.challenge()
    match meanwhile:
        case "password":
            flow, mail = await served.forgot()
            assert mail is not None
            given = {"code": digits(mail), "flow": flow, "password": "a brass kettle behind the moon"}
            assert (await served.client.post("/auth/password/reset", json=given)).status_code == 200
        case "role":
            await served.client.patch(f"/users/{user_id}", json={"role": "editor"}, headers=root)
        case "suspended":
            await served.client.post(f"/users/{user_id}/suspend", headers=root)
        case "signed_out":
            await served.client.post(f"/users/{user_id}/sessions/revoke", headers=root)
        case _:
            served.clock.ahead += 301

    answer = await finish(served, token, code=served.totp(seed))

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_mfa_token")


async def test_a_challenge_of_one_person_is_not_met_by_anothers_factor(served: Served) -> None:
    await served.account("ada@example.com")
    await served.account("eve@example.com")
    await served.with_totp("ada@example.com")
    _, eves_seed, eves_codes = await served.with_totp("eve@example.com")

    token = await served.challenge("ada@example.com")
    answers = [
        await finish(served, token, code=served.totp(eves_seed)),
        await finish(served, token, recovery_code=eves_codes[0]),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert (
        await finish(served, await served.challenge("eve@example.com"), recovery_code=eves_codes[0])
    ).status_code == 200


async def test_the_password_grant_never_passes_an_account_with_a_factor(served: Served) -> None:
    await served.account()
    await served.with_totp()
    form = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD}

    right = await served.client.post("/auth/token", data=form)
    guess = await served.client.post("/auth/token", data={**form, "password": "a guess at the password"})

    assert (
        (right.status_code, right.json()["error"])
        == (guess.status_code, guess.json()["error"])
        == (400, "invalid_grant")
    )


async def test_a_token_for_one_way_to_sign_in_is_none_for_the_other(served: Served) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()
    token = await served.challenge()
    headers = {"origin": "https://localhost", "sec-fetch-site": "same-origin"}

    crossed = await served.client.post(
        "/auth/mfa?mode=cookie", json={"mfa_token": token, "code": served.totp(seed)}, headers=headers
    )

    assert (crossed.status_code, crossed.json()["code"]) == (401, "invalid_mfa_token")


async def test_a_browser_finishes_with_a_cookie_and_steps_up_with_another(served: Served) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()
    page = {"origin": "https://localhost", "sec-fetch-site": "same-origin"}
    given = {"email": "ada@example.com", "password": PASSWORD}
    token = (await served.client.post("/auth/login?mode=cookie", json=given, headers=page)).json()["mfa_token"]

    done = await served.client.post(
        "/auth/mfa?mode=cookie", json={"mfa_token": token, "code": served.totp(seed)}, headers=page
    )
    before = served.client.cookies["__Host-session"]
    served.clock.ahead += 600
    stale = await served.client.post(
        "/account/recovery-codes", headers={**page, "x-csrf-token": done.json()["csrf_token"]}
    )
    again = await served.client.post(
        "/auth/reauthenticate",
        json={"code": served.totp(seed)},
        headers={**page, "x-csrf-token": done.json()["csrf_token"]},
    )
    fresh = await served.client.post(
        "/account/recovery-codes", headers={**page, "x-csrf-token": again.json()["csrf_token"]}
    )

    assert (done.status_code, stale.status_code, again.status_code, fresh.status_code) == (200, 401, 200, 201)
    assert served.client.cookies["__Host-session"] != before
    assert "access_token" not in again.json()


async def test_a_remembered_device_passes_until_its_time_is_over_or_the_password_changes(served: Served) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()
    given = {"code": served.totp(seed), "remember_device": True}
    device = (await finish(served, await served.challenge(), **given)).json()["device_token"]

    remembered = await served.login(device_token=device)
    stranger = await served.login()
    change = {"password": PASSWORD, "new_password": "a brass kettle behind the moon"}
    await served.client.post("/account/password", json=change, headers=bearer(remembered))
    after = await served.login(password=change["new_password"], device_token=device)

    assert "access_token" in remembered
    assert "mfa_token" in stranger
    assert "mfa_token" in after


async def test_changing_factors_needs_a_fresh_proof_with_the_factor(served: Served) -> None:
    await served.account()
    tokens, seed, _ = await served.with_totp()
    (factor,) = (await factors(served, tokens))["items"]

    # This session was opened with the password alone, before there was a factor.
    without = await served.client.delete(f"/account/factors/{factor['id']}", headers=bearer(tokens))
    with_password = await served.client.post(
        "/auth/reauthenticate", json={"password": PASSWORD}, headers=bearer(tokens)
    )
    proved = await served.client.post("/auth/reauthenticate", json={"code": served.totp(seed)}, headers=bearer(tokens))
    removed = await served.client.delete(f"/account/factors/{factor['id']}", headers=bearer(proved.json()))

    challenge = 'Bearer error="insufficient_user_authentication", max_age="300", acr_values="mfa"'
    assert (without.status_code, without.headers["www-authenticate"]) == (401, challenge)
    assert with_password.status_code == 401
    assert (proved.status_code, removed.status_code) == (200, 204)
    assert "access_token" in await served.login()
    assert len(await served.about("A second factor was removed from your account")) == 1


async def test_after_five_minutes_the_proof_is_old(served: Served) -> None:
    await served.account()
    tokens = await served.login()
    served.clock.ahead += 301

    old = await served.client.post("/account/factors/totp", json={}, headers=bearer(tokens))
    again = await served.client.post("/auth/reauthenticate", json={"password": PASSWORD}, headers=bearer(tokens))
    fresh = await served.client.post("/account/factors/totp", json={}, headers=bearer(again.json()))
    refused = await served.client.post(
        "/auth/reauthenticate", json={"password": "a guess at the password"}, headers=bearer(tokens)
    )

    assert (old.status_code, old.json()["code"]) == (401, "insufficient_user_authentication")
    assert (again.status_code, fresh.status_code, refused.status_code) == (200, 201, 403)


async def test_new_recovery_codes_end_those_of_before(served: Served) -> None:
    await served.account()
    tokens, seed, old = await served.with_totp()
    fresh = await served.client.post("/auth/reauthenticate", json={"code": served.totp(seed)}, headers=bearer(tokens))

    made = await served.client.post("/account/recovery-codes", headers=bearer(fresh.json()))
    new = made.json()["recovery_codes"]

    assert (made.status_code, len(set(new) | set(old))) == (201, 20)
    assert (await finish(served, await served.challenge(), recovery_code=old[0])).status_code == 403
    assert (await finish(served, await served.challenge(), recovery_code=new[0])).status_code == 200
    assert len(await served.about("You have new recovery codes")) == 1


async def test_an_administrator_takes_a_lost_factor_away(served: Served) -> None:
    user_id = await served.account()
    tokens, _, codes = await served.with_totp()
    root = await served.signed_in("root@example.com", role="admin")

    answer = await served.client.post(f"/users/{user_id}/factors/reset", headers=root)

    assert answer.status_code == 204
    assert (await served.client.get("/profile", headers=bearer(tokens))).status_code == 401
    assert "access_token" in await served.login()
    assert codes
    (mail,) = await served.about("A second factor was removed from your account")
    assert "administrator" in mail.text
    told = [event.details["did"] for event in served.events if event.type is EventType.AUTHZ_ADMIN]
    assert told == ["reset_factors"]


@pytest.mark.parametrize(("required", "role", "asked"), [
    ("everyone", "user", True), ("listed", "admin", True), ("listed", "user", False), ("nobody", "admin", False),
])  # fmt: skip
async def test_whoever_must_have_a_factor_gets_one_in_the_sign_in(
    url: str, required: str, role: str, *, asked: bool
) -> None:
    async with serving(url, clock=Clock.at_rest(), mfa={"required": required}) as served:
        await served.account(role=role)
        answer = await served.login()
        if not asked:
            assert "access_token" in answer
            return
        token = answer["mfa_token"]
        made = (await served.client.post("/auth/mfa/enrol", json={"mfa_token": token})).json()
        seed = base64.b32decode(made["secret"] + "=" * (-len(made["secret"]) % 8))

        guess = await finish(served, token, code=wrong(served.totp(seed)))
        done = await finish(served, token, code=served.totp(seed))
        served.clock.ahead += 30
        second = await served.login()
        again = await served.client.post("/auth/mfa/enrol", json={"mfa_token": second["mfa_token"]})

    assert answer["methods"] == ["enrol"]
    assert made["qr_svg"].startswith("<svg")
    assert (guess.status_code, done.status_code) == (403, 200)
    assert second["methods"] == ["totp", "recovery_code"]
    assert again.status_code == 401  # nobody with the password alone replaces a factor


async def test_an_app_that_a_stranger_began_to_enrol_counts_for_nothing_once_the_owner_has_a_factor(url: str) -> None:
    async with serving(url, clock=Clock.at_rest(), mfa={"required": "everyone"}) as served:
        await served.account()
        token = (await served.login())["mfa_token"]
        made = (await served.client.post("/auth/mfa/enrol", json={"mfa_token": token})).json()
        seed = base64.b32decode(made["secret"] + "=" * (-len(made["secret"]) % 8))
        async with served.service.db.transaction() as connection:
            await connection.execute(
                text(
                    "INSERT INTO fastness_factors (id, user_id, kind, name, sealed, created_at, confirmed_at) "
                    "SELECT :id, user_id, :kind, name, sealed, created_at + :one, created_at + :one FROM fastness_factors"
                ),
                {"id": "a" * 24, "kind": "passkey", "one": 1},
            )

        done = await finish(served, token, code=served.totp(seed))

    assert done.status_code in {401, 403}, done.text


async def test_the_profile_strict_needs_a_factor_of_everyone_and_remembers_no_device(url: str) -> None:
    async with serving(url, settings={"profile": "strict"}) as served:
        await served.account()

        assert (await served.login())["methods"] == ["enrol"]
        assert served.service.flows.login.settings.mfa.remember_days == 0


async def test_a_dump_of_the_database_holds_nothing_that_signs_in(served: Served) -> None:
    await served.account()
    _, seed, codes = await served.with_totp()
    token = await served.challenge()

    async with served.service.db.transaction() as connection:
        tables = ("fastness_factors", "fastness_recovery_codes", "fastness_challenges")
        rows = [list(await connection.execute(text(f"SELECT * FROM {table}"))) for table in tables]

    shown = repr(rows)
    assert all(rows)
    assert token not in shown
    assert base64.b32encode(seed).decode() not in shown
    assert repr(seed)[2:-1] not in shown
    assert not any(code in shown or code.replace("-", "") in shown for code in codes)


async def test_factors_of_somebody_else_are_not_there(served: Served) -> None:
    await served.account("ada@example.com")
    await served.account("eve@example.com")
    adas, _, _ = await served.with_totp("ada@example.com")
    eve = await served.login("eve@example.com")
    (factor,) = (await factors(served, adas))["items"]

    removed = await served.client.delete(f"/account/factors/{factor['id']}", headers=bearer(eve))
    confirmed = await served.client.post(
        f"/account/factors/{factor['id']}/confirm", json={"code": "123456"}, headers=bearer(eve)
    )

    assert (removed.status_code, confirmed.status_code) == (404, 404)
    assert (await factors(served, adas))["total"] == 1
