"""Passkeys: made by their owner, good for one account, one purpose and one challenge; alone or as the second factor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from accounts.passkeys import again, asked, login, new, with_passkey
from accounts.serving import PASSWORD, Clock, Served, bearer, serving
from accounts.statements import statements_of
from authenticator import BE, BS, UP, UV, Authenticator, unb64
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio

PAGE = {"origin": "https://localhost", "sec-fetch-site": "same-origin"}
REFUSED = (401, "invalid_passkey")


@pytest.fixture
async def served(url: str) -> AsyncIterator[Served]:
    """The service at a moment that lasts."""
    async with serving(url, clock=Clock.at_rest()) as running:
        yield running


def told(answer: httpx2.Response) -> tuple[int, str]:
    body = answer.json() if answer.content else {}
    return answer.status_code, body.get("code", "")


async def methods(served: Served, tokens: dict[str, Any]) -> Any:
    items = (await served.client.get("/account/sessions", headers=bearer(tokens))).json()["items"]
    return next(one for one in items if one["current"])["methods"]


async def finish(served: Served, mfa_token: str, key: Authenticator) -> httpx2.Response:
    options = (await asked(served, mfa_token=mfa_token))["options"]
    return await served.client.post("/auth/mfa", json={"mfa_token": mfa_token, "passkey": key.get(options)})


async def test_a_passkey_is_made_and_signs_in_alone(served: Served) -> None:
    await served.account()
    other = await served.login()
    tokens, key, made = await with_passkey(served)

    done = await login(served, key)

    assert (done.status_code, set(done.json())) == (
        200, {"access_token", "token_type", "expires_in", "refresh_token", "device_token"},
    )  # fmt: skip
    assert (await served.client.get("/profile", headers=bearer(done.json()))).json()["email"] == "ada@example.com"
    assert await methods(served, done.json()) == ["hwk", "user", "mfa"]
    assert (await served.client.get("/profile", headers=bearer(other))).status_code == 401  # others ended
    assert (await served.client.get("/profile", headers=bearer(tokens))).status_code == 200
    assert len(made["recovery_codes"]) == 10
    assert len(await served.about("A passkey was added to your account")) == 1
    assert EventType.AUTHN_FACTOR_CHANGE in served.types()


async def test_it_is_the_second_factor_after_the_password(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    answer = await served.login()

    done = await finish(served, answer["mfa_token"], key)

    assert answer["methods"] == ["passkey", "recovery_code"]
    assert done.status_code == 200
    assert await methods(served, done.json()) == ["pwd", "hwk", "user", "mfa"]


async def test_it_proves_again_and_counts_as_a_factor(served: Served) -> None:
    await served.account()
    tokens, key, _ = await with_passkey(served)
    served.clock.ahead += 301

    stale = await served.client.post("/account/passkeys/options", headers=bearer(tokens))
    with_password = await served.client.post(
        "/auth/reauthenticate", json={"password": PASSWORD}, headers=bearer(tokens)
    )
    proved = await again(served, tokens, key)
    second = await new(served, proved.json(), Authenticator(), name="Blue key")

    challenge = 'Bearer error="insufficient_user_authentication", max_age="300", acr_values="mfa"'
    assert (stale.status_code, stale.headers["www-authenticate"]) == (401, challenge)
    assert with_password.status_code == 401
    assert (proved.status_code, second.status_code) == (200, 201)
    assert second.json()["recovery_codes"] == []
    assert await methods(served, proved.json()) == ["pwd", "hwk", "user", "mfa"]


async def test_passkeys_are_listed_renamed_and_removed(served: Served) -> None:
    await served.account()
    key = Authenticator(flags=UP | UV | BE | BS)
    await with_passkey(served, key=key)
    tokens = (await login(served, key)).json()
    (one,) = (await served.client.get("/account/passkeys", headers=bearer(tokens))).json()["items"]
    path = f"/account/passkeys/{one['id']}"

    renamed = await served.client.patch(path, json={"name": "Phone"}, headers=bearer(tokens))
    listed = (await served.client.get("/account/passkeys", headers=bearer(tokens))).json()
    factors = (await served.client.get("/account/factors", headers=bearer(tokens))).json()
    removed = await served.client.delete(path, headers=bearer(tokens))

    assert (one["name"], one["synced"], one["backed_up"]) == ("Passkey", True, True)
    assert one["last_used_at"] is not None
    assert (renamed.status_code, listed["items"][0]["name"], listed["total"]) == (204, "Phone", 1)
    assert (factors["items"][0]["kind"], factors["items"][0]["id"]) == ("passkey", one["id"])
    assert removed.status_code == 204
    assert told(await login(served, key)) == REFUSED
    assert "access_token" in await served.login()  # nothing is left to ask for
    assert len(await served.about("A passkey was removed from your account")) == 1


async def test_synced_passkeys_say_so_in_the_session(served: Served) -> None:
    await served.account()
    key = Authenticator(flags=UP | UV | BE)
    await with_passkey(served, key=key)

    assert await methods(served, (await login(served, key)).json()) == ["swk", "user", "mfa"]


@pytest.mark.parametrize("lie", [
    {"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"flags": UP}, {"handle": b"somebody else"},
    {"client": {"crossOrigin": True}}, {"client": {"crossOrigin": []}}, {"id": b"no such credential"},
], ids=str)  # fmt: skip
async def test_a_lie_signs_nobody_in(served: Served, lie: dict[str, Any]) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    for name, value in lie.items():
        setattr(key, name, value)

    answer = await login(served, key)

    assert told(answer) == REFUSED
    assert answer.headers["cache-control"] == "no-store"
    assert EventType.AUTHN_LOGIN_FAIL in served.types()


async def test_every_refused_sign_in_looks_the_same(served: Served) -> None:
    await served.account()
    user_id = await served.account("eve@example.com")
    _, adas, _ = await with_passkey(served)
    _, eves, _ = await with_passkey(served, "eve@example.com")
    async with served.service.db.write() as work:
        await work.users.suspend(user_id, now=served.clock.wall())
    forged = Authenticator(id=adas.id, handle=adas.handle)

    answers = [await login(served, key) for key in (Authenticator(handle=adas.handle), forged, eves)]
    answers.append(await login(served, adas, flow="another"))

    seen = {(a.status_code, tuple(sorted({**a.json(), "request_id": ""}.items())), len(a.content)) for a in answers}
    assert len(seen) == 1
    assert {tuple(name for name in a.headers if name != "x-request-id") for a in answers} == {
        tuple(name for name in answers[0].headers if name != "x-request-id")
    }
    assert served.service.flows.passkey_login.settings.unsafe_allow_unverified is False


async def test_options_of_a_sign_in_read_nothing_and_take_no_address(served: Served) -> None:
    await served.account()
    await with_passkey(served)
    said = statements_of(served)

    first, second = await asked(served), await asked(served)
    with_address = await served.client.post("/auth/passkeys/options", json={"email": "ada@example.com"})

    assert said == []
    assert first["options"]["allowCredentials"] == []
    assert first["options"]["userVerification"] == "required"
    assert set(first) == {"flow", "options"}
    assert (first["flow"], first["options"]["challenge"]) != (second["flow"], second["options"]["challenge"])
    assert with_address.status_code == 422


async def test_a_challenge_signs_in_once(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    options = await asked(served)
    first = {"flow": options["flow"], "passkey": key.get(options["options"])}
    second = {"flow": options["flow"], "passkey": key.get(options["options"])}

    answers = [await served.client.post("/auth/passkeys/login", json=given) for given in (first, first, second)]

    assert [answer.status_code for answer in answers] == [200, 401, 401]


async def test_fifty_uses_of_one_challenge_sign_in_once(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    for _ in range(3):
        options = await asked(served)
        given = [{"flow": options["flow"], "passkey": key.get(options["options"])} for _ in range(50)]
        answers = await asyncio.gather(
            *(served.client.post("/auth/passkeys/login", json=one) for one in reversed(given))
        )

        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 49


async def test_fifty_registrations_with_one_challenge_keep_one_passkey(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    tokens = (await login(served, key)).json()
    options = (await served.client.post("/account/passkeys/options", headers=bearer(tokens))).json()["options"]
    made = [{"passkey": Authenticator().create(options)} for _ in range(50)]

    answers = await asyncio.gather(
        *(served.client.post("/account/passkeys", json=one, headers=bearer(tokens)) for one in made)
    )

    assert [answer.status_code for answer in answers].count(201) == 1
    assert (await served.client.get("/account/passkeys", headers=bearer(tokens))).json()["total"] == 2


async def test_adding_one_needs_a_proof_of_the_last_minutes_at_both_steps(served: Served) -> None:
    await served.account()
    tokens = await served.login()
    options = (await served.client.post("/account/passkeys/options", headers=bearer(tokens))).json()["options"]
    made = {"passkey": Authenticator().create(options)}
    served.clock.ahead += 299
    again_asked = await served.client.post("/account/passkeys/options", headers=bearer(tokens))
    made_late = {"passkey": Authenticator().create(again_asked.json()["options"])}
    served.clock.ahead += 2

    answers = [
        await served.client.post("/account/passkeys/options", headers=bearer(tokens)),
        await served.client.post("/account/passkeys", json=made, headers=bearer(tokens)),
        await served.client.post("/account/passkeys", json=made_late, headers=bearer(tokens)),
    ]

    assert {told(answer) for answer in answers} == {(401, "insufficient_user_authentication")}


async def test_a_challenge_is_over_after_five_minutes(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    options = await asked(served)
    served.clock.ahead += 301

    given = {"flow": options["flow"], "passkey": key.get(options["options"])}

    assert told(await served.client.post("/auth/passkeys/login", json=given)) == REFUSED


async def test_a_challenge_for_one_purpose_is_none_for_another(served: Served) -> None:
    await served.account()
    tokens, key, _ = await with_passkey(served)
    mfa_token = await served.challenge()
    alone = await asked(served)
    factor = (await asked(served, mfa_token=mfa_token))["options"]
    step_up = (await served.client.post("/auth/reauthenticate/options", headers=bearer(tokens))).json()["options"]
    post = served.client.post

    crossed = [
        await post("/auth/passkeys/login", json={"flow": alone["flow"], "passkey": key.get(factor)}),
        await post("/auth/passkeys/login", json={"flow": mfa_token, "passkey": key.get(factor)}),
        await post("/auth/passkeys/login", json={"flow": alone["flow"], "passkey": key.get(step_up)}),
        await post("/auth/mfa", json={"mfa_token": mfa_token, "passkey": key.get(alone["options"])}),
        await post("/auth/mfa", json={"mfa_token": mfa_token, "passkey": key.get(step_up)}),
        await post("/auth/reauthenticate", json={"passkey": key.get(alone["options"])}, headers=bearer(tokens)),
        await post("/auth/reauthenticate", json={"passkey": key.get(factor)}, headers=bearer(tokens)),
    ]

    assert [answer.status_code for answer in crossed] == [401, 401, 401, 403, 403, 403, 403]
    assert (await finish(served, mfa_token, key)).status_code == 200


async def test_a_challenge_of_one_session_is_none_for_another(served: Served) -> None:
    await served.account("ada@example.com")
    await served.account("eve@example.com")
    adas, key, _ = await with_passkey(served, "ada@example.com")
    eves = await served.login("eve@example.com")
    elsewhere = (await login(served, key)).json()
    for_ada = (await served.client.post("/auth/reauthenticate/options", headers=bearer(adas))).json()["options"]
    making = (await served.client.post("/account/passkeys/options", headers=bearer(eves))).json()["options"]
    flows = [await asked(served) for _ in range(2)]

    other_session = await served.client.post(
        "/auth/reauthenticate", json={"passkey": key.get(for_ada)}, headers=bearer(elsewhere)
    )
    other_account = await served.client.post(
        "/account/passkeys", json={"passkey": Authenticator().create(making)}, headers=bearer(elsewhere)
    )
    other_flow = await served.client.post(
        "/auth/passkeys/login", json={"flow": flows[0]["flow"], "passkey": key.get(flows[1]["options"])}
    )

    assert (other_session.status_code, other_account.status_code, other_flow.status_code) == (403, 400, 401)


async def test_a_passkey_of_somebody_else_meets_no_challenge(served: Served) -> None:
    await served.account("ada@example.com")
    await served.account("eve@example.com")
    adas, _, _ = await with_passkey(served, "ada@example.com")
    _, eves, _ = await with_passkey(served, "eve@example.com")

    second = await finish(served, await served.challenge("ada@example.com"), eves)
    step_up = await again(served, adas, eves)

    assert (second.status_code, step_up.status_code) == (403, 403)


async def test_one_credential_belongs_to_one_account(served: Served) -> None:
    await served.account("ada@example.com")
    await served.account("eve@example.com")
    tokens, key, _ = await with_passkey(served, "ada@example.com")
    eves = await served.login("eve@example.com")
    copy = Authenticator(id=key.id)

    taken = await new(served, eves, copy)
    twice = await new(served, (await again(served, tokens, key)).json(), Authenticator(id=key.id, key=key.key))

    assert (told(taken), told(twice)) == ((400, "invalid_passkey"),) * 2
    assert (await served.client.get("/account/factors", headers=bearer(eves))).json()["total"] == 0
    assert (await login(served, key)).status_code == 200


async def test_a_passkey_that_counts_backwards_is_refused_and_told(served: Served) -> None:
    user_id = await served.account()
    tokens, key, _ = await with_passkey(served)
    key.count = 9
    assert (await login(served, key)).status_code == 200
    key.count = 3

    alone = await login(served, key)
    second = await finish(served, await served.challenge(), key)
    step_up = await again(served, tokens, key)
    cloned = [event for event in served.events if event.type is EventType.AUTHN_FACTOR_CLONED]

    assert (alone.status_code, second.status_code, step_up.status_code) == (401, 403, 403)
    assert [event.who for event in cloned] == [user_id] * 3
    key.count = 20
    fresh = await login(served, key)
    assert fresh.status_code == 200
    await served.service.journal.settled()
    history = (await served.client.get("/account/events", headers=bearer(fresh.json()))).json()["items"]
    assert [one["event"] for one in history].count("authn_factor_cloned") == 3


async def test_it_may_only_be_told(url: str) -> None:
    async with serving(url, settings={"passkeys": {"counter": "report"}}) as served:
        await served.account()
        _, key, _ = await with_passkey(served)
        key.count = 9
        await login(served, key)
        key.count = 3

        assert (await login(served, key)).status_code == 200
        assert served.types().count(EventType.AUTHN_FACTOR_CLONED) == 1


async def test_security_keys_without_verification_may_be_second_factors_and_no_more(url: str) -> None:
    async with serving(url, settings={"passkeys": {"user_verification": "preferred"}}) as served:
        await served.account()
        tokens, key, _ = await with_passkey(served, key=Authenticator(flags=UP))
        second = await finish(served, await served.challenge(), key)
        step_up = await again(served, tokens, key)
        alone = await login(served, key)
        key.flags = UP | UV
        without_password = (await login(served, key)).json()
        key.flags = UP
        unproved = await again(served, without_password, key)

    assert (second.status_code, step_up.status_code) == (200, 200)
    assert told(alone) == REFUSED
    assert unproved.status_code == 403  # no password opened this session: the touch would be all


async def test_verification_is_asked_of_the_second_factor_too_unless_told(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    key.flags = UP

    assert (await finish(served, await served.challenge(), key)).status_code == 403


async def test_tries_with_passkeys_and_codes_are_counted_together(url: str) -> None:
    async with serving(url, throttle={"factor": ["5/5 minutes"]}) as served:
        await served.account()
        _, key, _ = await with_passkey(served)
        forged = Authenticator(id=key.id, handle=key.handle)
        token = await served.challenge()
        codes = [
            (await served.client.post("/auth/mfa", json={"mfa_token": token, "code": f"00000{n}"})).status_code
            for n in range(3)
        ]
        keys = [(await finish(served, await served.challenge(), forged)).status_code for _ in range(3)]
        right = (await finish(served, await served.challenge(), key)).status_code
        alone = (await login(served, key)).status_code

    assert (codes, keys, right) == ([403] * 3, [403, 403, 429], 429)
    assert alone == 200  # nobody guesses a passkey, so nobody's tries stand before it


async def test_the_last_way_in_is_kept(served: Served) -> None:
    user_id = await served.account()
    first, second = Authenticator(), Authenticator()
    await with_passkey(served, key=first)
    tokens = (await login(served, first)).json()
    kept_one = (await new(served, tokens, second)).json()["id"]
    async with served.service.db.write() as work:
        await work.users.forget_password(user_id)
    items = (await served.client.get("/account/passkeys", headers=bearer(tokens))).json()["items"]
    (first_one,) = [one["id"] for one in items if one["id"] != kept_one]

    gone = await served.client.delete(f"/account/passkeys/{first_one}", headers=bearer(tokens))
    kept = await served.client.delete(f"/account/passkeys/{kept_one}", headers=bearer(tokens))
    by_the_other_door = await served.client.delete(f"/account/factors/{kept_one}", headers=bearer(tokens))

    assert gone.status_code == 204
    assert (told(kept), told(by_the_other_door)) == ((409, "last_way_in"),) * 2
    assert (await login(served, second)).status_code == 200


async def test_an_app_is_removed_at_its_own_door(served: Served) -> None:
    await served.account()
    _, seed, _ = await served.with_totp()
    given = {"mfa_token": await served.challenge(), "code": served.totp(seed)}
    tokens = (await served.client.post("/auth/mfa", json=given)).json()
    (app,) = (await served.client.get("/account/factors", headers=bearer(tokens))).json()["items"]

    removed = await served.client.delete(f"/account/passkeys/{app['id']}", headers=bearer(tokens))
    renamed = await served.client.patch(f"/account/passkeys/{app['id']}", json={"name": "X"}, headers=bearer(tokens))

    assert (removed.status_code, renamed.status_code) == (404, 404)
    assert (await served.client.get("/account/factors", headers=bearer(tokens))).json()["total"] == 1


async def test_ten_factors_are_enough(served: Served) -> None:
    await served.account()
    key = Authenticator()
    await with_passkey(served, key=key)
    tokens = (await login(served, key)).json()
    for _ in range(9):
        assert (await new(served, tokens, Authenticator())).status_code == 201

    more = await served.client.post("/account/passkeys/options", headers=bearer(tokens))

    assert told(more) == (409, "too_many_factors")


async def test_passkeys_held_are_not_made_twice_and_are_offered_by_name_to_their_owner(served: Served) -> None:
    await served.account()
    tokens, key, _ = await with_passkey(served)
    fresh = (await again(served, tokens, key)).json()

    making = (await served.client.post("/account/passkeys/options", headers=bearer(fresh))).json()["options"]
    factor = (await asked(served, mfa_token=await served.challenge()))["options"]

    assert [one["transports"] for one in making["excludeCredentials"]] == [["usb"]]
    assert making["excludeCredentials"] == factor["allowCredentials"]
    assert making["rp"]["id"] == "localhost"
    assert b"ada" not in unb64(making["user"]["id"])


async def test_options_for_a_factor_need_a_sign_in_that_waits_and_a_passkey(served: Served) -> None:
    await served.account()
    await served.with_totp()

    unknown = await served.client.post("/auth/passkeys/options", json={"mfa_token": "nothing"})
    without = await served.client.post("/auth/passkeys/options", json={"mfa_token": await served.challenge()})
    step_up = await served.client.post(
        "/auth/reauthenticate/options", headers=await served.signed_in("eve@example.com")
    )

    assert (told(unknown), told(without)) == ((401, "invalid_mfa_token"), (404, "not_found"))
    assert step_up.status_code == 404


async def test_an_unverified_account_does_not_sign_in(served: Served) -> None:
    user_id = await served.account()
    _, key, _ = await with_passkey(served)
    async with served.service.db.transaction() as connection:
        await connection.execute(text("UPDATE users SET verified_at = NULL"))

    assert told(await login(served, key)) == REFUSED
    assert user_id


async def test_an_administrator_takes_passkeys_away(served: Served) -> None:
    user_id = await served.account()
    tokens, key, _ = await with_passkey(served)
    root = await served.signed_in("root@example.com", role="admin")

    answer = await served.client.post(f"/users/{user_id}/factors/reset", headers=root)

    assert answer.status_code == 204
    assert told(await login(served, key)) == REFUSED
    assert (await served.client.get("/profile", headers=bearer(tokens))).status_code == 401
    async with served.service.db.transaction() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM fastness_passkeys"))).scalar_one() == 0


async def test_a_browser_signs_in_with_a_cookie_from_our_own_pages_alone(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    options = await asked(served)
    given = {"flow": options["flow"], "passkey": key.get(options["options"])}
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}

    planted = await served.client.post("/auth/passkeys/login?mode=cookie", json=given, headers=evil)
    done = await served.client.post("/auth/passkeys/login?mode=cookie", json=given, headers=PAGE)
    served.clock.ahead += 600
    headers = {**PAGE, "x-csrf-token": done.json()["csrf_token"]}
    step_up = (await served.client.post("/auth/reauthenticate/options", headers=headers)).json()["options"]
    proof = {"passkey": key.get(step_up)}
    proved = await served.client.post("/auth/reauthenticate", json=proof, headers=headers)

    assert (planted.status_code, done.status_code, proved.status_code) == (403, 200, 200)
    assert "access_token" not in done.json()


async def test_a_known_device_stays_known_and_a_new_one_is_told(served: Served) -> None:
    await served.account()
    tokens, key, _ = await with_passkey(served)
    before = len(await served.about("A new device signed in to your account"))

    known = await login(served, key, device_token=tokens["device_token"])
    new_one = await login(served, key)

    assert known.json()["device_token"] == tokens["device_token"] != new_one.json()["device_token"]
    assert len(await served.about("A new device signed in to your account")) <= before + 1


async def test_the_password_grant_never_passes_an_account_with_a_passkey(served: Served) -> None:
    await served.account()
    await with_passkey(served)
    form = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD}

    assert (await served.client.post("/auth/token", data=form)).status_code == 400


async def test_spent_challenges_are_purged_when_they_would_be_over_anyway(served: Served) -> None:
    await served.account()
    await with_passkey(served)

    async with served.service.db.write() as work:
        early = await work.purge("fastness_spent_challenges", served.clock.wall())
    served.clock.ahead += 301
    async with served.service.db.write() as work:
        late = await work.purge("fastness_spent_challenges", served.clock.wall())

    assert (early, late) == (0, 1)
