"""The whole story, through the front door: register, verify, sign in, profile, refresh, reuse, sign out."""

from __future__ import annotations

import pytest

from accounts.serving import PASSWORD, Served, bearer, digits, link_token
from fastness.controls.security_events import redacted
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio


async def test_from_registration_to_the_end_of_the_session(served: Served) -> None:
    client, email = served.client, "Ada@Example.com"

    asked = await client.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Ada Lovelace"})
    await served.service.mail.settled()
    early = await client.post("/auth/login", json={"email": email, "password": PASSWORD})
    proved = await client.post(
        "/auth/verify-email", json={"code": digits(served.mails[0]), "flow": asked.json()["flow"]}
    )
    tokens = await served.login("ada@example.com")
    profile = await client.get("/profile", headers=bearer(tokens))
    renamed = await client.patch("/profile", headers=bearer(tokens), json={"name": "Countess"})
    renewed = await client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    served.clock.ahead += 60
    reused = await client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    after_reuse = await client.get("/profile", headers=bearer(renewed.json()))
    again = await served.login("ada@example.com")
    left = await client.post("/auth/logout", headers=bearer(again))
    gone = await client.get("/profile", headers=bearer(again))
    no_refresh = await client.post("/auth/refresh", json={"refresh_token": again["refresh_token"]})

    assert (asked.status_code, early.status_code, proved.status_code) == (202, 401, 200)
    assert early.json()["code"] == "bad_credentials"
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 600
    assert profile.json()["name"] == "Ada Lovelace"
    assert set(profile.json()) == {"id", "email", "name", "role", "verified", "created_at", "username"}
    assert renamed.json()["name"] == "Countess"
    assert renewed.status_code == 200
    assert (reused.status_code, reused.json()["code"]) == (401, "invalid_refresh_token")
    assert (after_reuse.status_code, after_reuse.json()["code"]) == (401, "invalid_token")
    assert left.status_code == 204
    assert left.headers["clear-site-data"] == '"cache","cookies","storage"'
    assert (gone.status_code, no_refresh.status_code) == (401, 401)
    assert EventType.AUTHN_TOKEN_REUSE in served.types()


async def test_the_link_in_the_mail_works_in_any_browser_and_once(served: Served) -> None:
    await served.register("ada@example.com")
    token = link_token(served.mails[0])

    first = await served.client.post("/auth/verify-email", json={"token": token})
    second = await served.client.post("/auth/verify-email", json={"token": token})

    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (400, "invalid_code")
    assert await served.login()


async def test_the_typed_code_works_only_with_its_flow_and_five_times(served: Served) -> None:
    flow = await served.register("ada@example.com")
    stranger = await served.register("eve@example.com")
    right = digits(served.mails[0])
    wrong = f"{(int(right) + 1) % 10 ** len(right):0{len(right)}}"

    foreign = await served.client.post("/auth/verify-email", json={"code": right, "flow": stranger})
    tries = [await served.client.post("/auth/verify-email", json={"code": wrong, "flow": flow}) for _ in range(5)]
    late = await served.client.post("/auth/verify-email", json={"code": right, "flow": flow})

    assert [answer.status_code for answer in (foreign, *tries, late)] == [400] * 7


async def test_a_code_dies_after_ten_minutes(served: Served) -> None:
    flow = await served.register("ada@example.com")

    served.clock.ahead += 601
    late = await served.client.post("/auth/verify-email", json={"code": digits(served.mails[0]), "flow": flow})

    assert late.status_code == 400


async def test_a_resent_code_works_with_the_new_flow(served: Served) -> None:
    await served.account("ada@example.com", verified=False)

    asked = await served.client.post("/auth/verify-email/resend", json={"email": "ADA@example.com"})
    await served.service.mail.settled()
    proved = await served.client.post(
        "/auth/verify-email", json={"code": digits(served.mails[-1]), "flow": asked.json()["flow"]}
    )

    assert (asked.status_code, proved.status_code) == (202, 200)
    assert await served.login()


async def test_the_flow_may_come_in_the_cookie(served: Served) -> None:
    flow = await served.register("ada@example.com")

    proved = await served.client.post(
        "/auth/verify-email", json={"code": digits(served.mails[0])}, headers={"Cookie": f"__Host-flow={flow}"}
    )

    assert proved.status_code == 200


@pytest.mark.parametrize("space", [b"\xa0", b"\x85", b"\x0b", b"\t"])
async def test_a_flow_cookie_that_another_host_planted_behind_white_space_is_none(served: Served, space: bytes) -> None:
    flow = await served.register("ada@example.com")
    cookies = b"__Host-flow=" + flow.encode() + b"; " + space + b"__Host-flow=" + b"of-somebody-else" * 20

    proved = await served.client.post(
        "/auth/verify-email", json={"code": digits(served.mails[0])}, headers=[(b"cookie", cookies)]
    )

    assert proved.status_code == 200


async def test_the_flow_cookie_is_bound_to_this_host(served: Served) -> None:
    answer = await served.client.post(
        "/auth/register", json={"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
    )

    parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert answer.headers["set-cookie"].startswith("__Host-flow=")
    assert {"secure", "httponly", "path=/", "samesite=strict", "max-age=600"} == parts


STRANGERS = "a stranger was here as well"


async def tried(served: Served, password: str) -> int:
    given = {"email": "ada@example.com", "password": password}
    return (await served.client.post("/auth/login", json=given)).status_code


@pytest.mark.parametrize("first", ["owner", "stranger"])
async def test_whoever_proves_the_address_gets_the_password_typed_in_the_same_browser(
    served: Served, first: str
) -> None:
    flows = {}
    for who in ("owner", "stranger") if first == "owner" else ("stranger", "owner"):
        password, name = (PASSWORD, "Ada") if who == "owner" else (STRANGERS, "Eve")
        flows[who] = await served.register("ada@example.com", password, name)
    code = digits(served.mails[0 if first == "owner" else 1])

    crossed = await served.client.post("/auth/verify-email", json={"code": code, "flow": flows["stranger"]})
    before = await tried(served, PASSWORD), await tried(served, STRANGERS)
    proved = await served.client.post("/auth/verify-email", json={"code": code, "flow": flows["owner"]})

    assert (crossed.status_code, before, proved.status_code) == (400, (401, 401), 200)
    assert await tried(served, STRANGERS) == 401
    profile = await served.client.get("/profile", headers=bearer(await served.login()))
    assert profile.json()["name"] == "Ada"
    assert await served.users() == 1


async def test_from_the_second_registration_on_no_link_works_and_none_is_mailed(served: Served) -> None:
    flow = await served.register("ada@example.com", PASSWORD)
    await served.register("ada@example.com", STRANGERS, "Eve")

    link = await served.client.post("/auth/verify-email", json={"token": link_token(served.mails[0])})
    typed = await served.client.post("/auth/verify-email", json={"code": digits(served.mails[0]), "flow": flow})

    assert "#token=" not in served.mails[1].text
    assert (link.status_code, typed.status_code) == (400, 200)  # the link that was refused did not spend the code
    assert (await tried(served, PASSWORD), await tried(served, STRANGERS)) == (200, 401)


async def test_a_strangers_code_changes_nothing_after_the_proof(served: Served) -> None:
    flow = await served.register("ada@example.com", PASSWORD)
    strangers = await served.register("ada@example.com", STRANGERS, "Eve")
    await served.client.post("/auth/verify-email", json={"code": digits(served.mails[0]), "flow": flow})

    await served.client.post("/auth/verify-email", json={"code": digits(served.mails[1]), "flow": strangers})

    assert (await tried(served, PASSWORD), await tried(served, STRANGERS)) == (200, 401)


@pytest.mark.parametrize("later", [0, 601])
async def test_a_resent_code_brings_the_password_typed_in_the_same_browser(served: Served, later: int) -> None:
    await served.register("ada@example.com", STRANGERS, "Eve")
    flow = await served.register("ada@example.com", PASSWORD)
    served.clock.ahead += later

    for _ in range(2):
        asked = await served.client.post("/auth/verify-email/resend", json={"email": "ada@example.com", "flow": flow})
        flow = asked.json()["flow"]
        await served.service.mail.settled()
    proved = await served.client.post("/auth/verify-email", json={"code": digits(served.mails[-1]), "flow": flow})

    assert proved.status_code == 200
    assert (await tried(served, PASSWORD), await tried(served, STRANGERS)) == (200, 401)


async def test_when_nobody_can_tell_whose_password_counts_no_code_is_sent_again(served: Served) -> None:
    await served.register("ada@example.com", PASSWORD)
    await served.register("ada@example.com", STRANGERS, "Eve")
    served.client.cookies.clear()

    asked = await served.client.post("/auth/verify-email/resend", json={"email": "ada@example.com"})
    await served.service.mail.settled()
    flow = await served.register("ada@example.com", PASSWORD)
    proved = await served.client.post("/auth/verify-email", json={"code": digits(served.mails[-1]), "flow": flow})

    assert asked.status_code == 202
    assert len(served.mails) == 3
    assert proved.status_code == 200
    assert await tried(served, PASSWORD) == 200


async def test_registering_a_taken_address_changes_nothing_and_tells_its_owner(served: Served) -> None:
    await served.account("ada@example.com")

    await served.register("ada@example.com", "another long password here", "Eve")

    assert served.mails[-1].subject == "You already have an account"
    assert "code" not in served.mails[-1].text.lower()
    assert (await served.client.get("/profile", headers=bearer(await served.login()))).json()["name"] == "Ada"


async def test_an_unproved_administrator_is_not_replaced_by_a_registration(served: Served) -> None:
    user_id = await served.account("root@example.com", role="admin", verified=False)

    await served.register("root@example.com", "another long password here")

    async with served.service.db.read() as work:
        account = await work.users.by_email("root@example.com")
    assert account is not None
    assert (account.id, account.role) == (user_id, "admin")


async def test_a_weak_password_is_refused_with_the_reason(served: Served) -> None:
    for password in ("qzxk", "adalovelace1815", "passwordpassword"):
        answer = await served.client.post(
            "/auth/register", json={"email": "adalovelace@example.com", "password": password, "name": "Ada"}
        )

        assert (answer.status_code, answer.json()["code"]) == (422, "weak_password")
        assert password not in answer.text
    assert served.mails == []


async def test_tokens_are_never_stored_by_caches(served: Served) -> None:
    await served.account()

    answer = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})

    assert answer.headers["cache-control"] == "no-store"


async def test_the_log_can_tell_the_events_of_one_session_from_anothers(served: Served) -> None:
    await served.account()
    sessions = [await served.login() for _ in range(2)]
    for tokens in sessions:
        await served.client.post("/auth/logout", headers=bearer(tokens))

    wanted = {EventType.SESSION_CREATED, EventType.SESSION_LOGOUT}
    shown = [redacted(event.details) for event in served.events if event.type in wanted]

    assert len(shown) == 4
    assert shown[:2] == shown[2:]
    assert shown[0] != shown[1]
