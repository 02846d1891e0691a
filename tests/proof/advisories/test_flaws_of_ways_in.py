"""Ways in besides the password: keys that grow, links that work twice, records of somebody else, checks that are not there."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from accounts.serving import PASSWORD, SECRET, Clock, Served, bearer, digits, link_token, running, serving
from fastness.accounts.app import build
from proof.advisories.advisory import advisory, package

pytestmark = pytest.mark.anyio

PAGE = "https://app.example.com/magic"
ROLES = {"user": ["posts:read"], "editor": [], "admin": [], "super_admin": []}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    url = f"sqlite:///{tmp_path}/one.db"
    async with serving(url, clock=Clock.at_rest(), magic=True, magic_link=PAGE, roles=ROLES) as one:
        yield one


async def mailed(served: Served, path: str = "/auth/magic") -> tuple[str, Any]:
    answer = await served.client.post(path, json={"email": "ada@example.com"})
    await served.service.mail.settled()
    served.client.cookies.clear()
    return answer.json()["flow"], served.mails[-1]


async def redeem(served: Served, **given: Any) -> httpx2.Response:
    answer: httpx2.Response = await served.client.post("/auth/magic/redeem", json=given)
    return answer


async def make(served: Served, headers: dict[str, str], *scopes: str) -> httpx2.Response:
    given = {"name": "Backup", "scopes": scopes}
    answer: httpx2.Response = await served.client.post("/account/api-keys", json=given, headers=headers)
    return answer


@advisory(
    32,
    "CVE-2026-9802",
    without=[
        package("accounts/revocation.py", "        await work.revocations.add(kind, subject, until, version)\n", "")
    ],
)
async def test_cve_2026_9802_a_process_that_starts_anew_knows_what_ended_before(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    async with serving(url, refresh_grace=0) as before:
        await before.account()
        first = await before.login()
        second = (await before.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
        reused = await before.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
        # As after kill -9: nothing of the first process is written any more, and nothing of its memory is left.
        async with serving(url, refresh_grace=0) as after:
            profile = [await after.client.get("/profile", headers=bearer(one)) for one in (first, second)]
            given = {"refresh_token": second["refresh_token"]}
            refreshed = await after.client.post("/auth/refresh", json=given)

    assert [reused.status_code, refreshed.status_code, *(one.status_code for one in profile)] == [401] * 4


@advisory(
    34,
    "GHSA-7w99-5wm4-3g79 magic link",
    without=[
        package(
            "accounts/models/codes.py",
            't.purpose == bindparam("of"), t.used_at.is_(None), t.expires_at',
            't.purpose == bindparam("of"), t.expires_at',
        )
    ],
)
async def test_ghsa_7w99_5wm4_3g79_magic_link_signs_in_once_however_many_ask_at_once(served: Served) -> None:
    await served.account()
    flow, mail = await mailed(served)

    answers = await asyncio.gather(*(redeem(served, token=link_token(mail), flow=flow) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19


@advisory(
    39,
    "allauth 65 cancelled login",
    without=[
        package("accounts/models/factors.py", "select(*told).where(owned)", "select(*told).where(or_(owned, ~owned))")
    ],
)
async def test_allauth_65_cancelled_login_of_one_person_is_not_finished_by_another_in_the_same_browser(
    served: Served,
) -> None:
    seeds = {}
    for who in ("ada@example.com", "eve@example.com"):
        await served.account(who)
        _, seeds[who], _ = await served.with_totp(who)
    cancelled = await served.challenge("ada@example.com")
    served.clock.ahead += 30
    page = {"sec-fetch-site": "same-origin"}
    of_eve = await served.challenge("eve@example.com")
    form = {"mfa_token": of_eve, "code": served.totp(seeds["eve@example.com"])}
    signed_in = await served.client.post("/auth/mfa", json=form)
    served.clock.ahead += 30

    by_eve = {"mfa_token": cancelled, "code": served.totp(seeds["eve@example.com"])}
    mingled = await served.client.post("/auth/mfa", json=by_eve, headers={**page, **bearer(signed_in.json())})

    assert (signed_in.status_code, mingled.status_code) == (200, 403)


@advisory(
    40,
    "CVE-2026-9798 ways in",
    without=[
        package("accounts/flows/magic.py", "account is None or account.suspended or account.canonical", "account is None or account.canonical"),
        package("accounts/flows/open_session.py", '        if opened is None:\n            raise BadCredentials("suspended meanwhile")\n', "        assert opened is not None\n"),
        package("accounts/models/sessions.py", "if held is None else not held.suspended)", "if held is None else True)"),
        package("accounts/models/api_keys.py", '            accounts.columns["suspended_at"].is_(None),\n', ""),
    ],
)  # fmt: skip
async def test_cve_2026_9798_ways_in_let_no_suspended_account_through(served: Served) -> None:
    user_id = await served.account()
    key = (await make(served, bearer(await served.login()))).json()["key"]
    flow, mail = await mailed(served)
    async with served.service.db.write() as work:
        await work.users.suspend(user_id, now=served.clock.wall())

    by_mail = await redeem(served, code=digits(mail), flow=flow)
    by_key = await served.client.get("/account/api-keys", headers={"X-API-Key": key})

    assert (by_mail.status_code, by_key.status_code) == (400, 401)


@advisory(
    60,
    "CVE-2026-41427",
    without=[package("controls/apikeys/authenticator.py", "if not asked <= held:", "if asked is None:")],
)
async def test_cve_2026_41427_no_key_is_wider_than_its_maker(served: Served) -> None:
    await served.account()
    headers = bearer(await served.login())

    answers = [await make(served, headers, *scopes) for scopes in (["posts:read"], ["posts:read", "users:write"])]

    assert [answer.status_code for answer in answers] == [201, 403]


@advisory(
    60,
    "CVE-2026-41427 afterwards",
    without=[
        package("accounts/user_keys.py", "key.scopes & frozenset(self.roles.get(owner.role, ()))", "key.scopes"),
    ],
)
async def test_cve_2026_41427_afterwards_a_key_keeps_nothing_that_its_owner_lost(served: Served) -> None:
    user_id = await served.account()
    key = (await make(served, bearer(await served.login()), "posts:read")).json()["key"]
    [digest] = served.service.keys.digests(key)
    store = served.service.keys._store
    async with served.service.db.write() as work:
        await work.users.set_role(user_id, "editor", now=served.clock.wall())

    found = await store.find(digest)

    assert found is not None
    assert found.scopes == frozenset()


@advisory(
    68,
    "CVE-2025-61928 by a key",
    without=[package("controls/access/people.py", "not self.settled(exchange)", "exchange.cookie == b'no'")],
)
async def test_cve_2025_61928_by_a_key_nobody_makes_a_key(served: Served) -> None:
    await served.account()
    key = (await make(served, bearer(await served.login()))).json()["key"]

    listed = await served.client.get("/account/api-keys", headers={"X-API-Key": key})
    made = await make(served, {"X-API-Key": key})

    assert [listed.status_code, made.status_code] == [403, 403]


WRONG: dict[str, str] = {
    "FASTNESS_SECRET": "",
    "FASTNESS_PUBLIC_URL": "",
    "FASTNESS_ACCOUNTS__LEAKS__SECRET": "",
    "FASTNESS_ACCOUNTS__LEAKS__PUBLIC_KEYS": "none",
    "FASTNESS_ACCOUNTS__LOGIN_BY": "[]",
    "FASTNESS_ACCOUNTS__MAGIC": "perhaps",
    "FASTNESS_ACCOUNTS__MAGIC_LINK": "javascript:alert(1)",
    "FASTNESS_ACCOUNTS__NEW_DEVICE_CONFIRMATION": "",
    "FASTNESS_ACCOUNTS__DELETION_DAYS": "soon",
    "FASTNESS_ACCOUNTS__CODE_TRIES": "0",
    "FASTNESS_ACCOUNTS__CODE_SECONDS": "",
    "FASTNESS_ACCOUNTS__MFA__REQUIRED": "everybody",
    "FASTNESS_ACCOUNTS__THROTTLE__ACCOUNT": "",
    "FASTNESS_ACCOUNTS__SESSION_CHECK": "never",
    "FASTNESS_APIKEYS__DAYS": "0",
}
"""Empty, absent or wrong: none of them may mean that nothing is checked."""


@advisory(
    62,
    "GHSA-8fpg-xm3f-6cx3",
    without=[
        package("accounts/settings.py", "        default=None,\n        min_length=32,\n", "        default=None,\n"),
    ],
)
async def test_ghsa_8fpg_xm3f_6cx3_a_setting_that_is_empty_or_wrong_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {
        "FASTNESS_ENVIRONMENT": "production",
        "FASTNESS_SECRET": SECRET,
        "FASTNESS_PUBLIC_URL": "https://accounts.example.com",
        "FASTNESS_DATABASE_URL": f"sqlite:///{tmp_path}/one.db",
        "FASTNESS_MAIL__BACKEND": "file",
        "FASTNESS_MAIL__FOLDER": str(tmp_path),
        "FASTNESS_ACCOUNTS__CREATE_TABLES": "true",
    }
    monkeypatch.chdir(tmp_path)

    async def starts(environment: dict[str, str]) -> str:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                async with running(build()):
                    return "started"
            except RuntimeError as stopped:
                return str(stopped)

    said = {name: await starts({**good, name: value}) for name, value in WRONG.items()}

    assert await starts(good) == "started"
    assert [name for name, text in said.items() if name not in text] == []


@advisory(
    72,
    "CVE-2021-21241",
    without=[
        package(
            "accounts/api/login.py",
            '@router.post("/login")',
            '@router.get("/login", include_in_schema=False)\n@router.post("/login")',
        )
    ],
)
async def test_cve_2021_21241_what_opens_an_account_is_given_to_no_get(served: Served) -> None:
    given = {"access_token", "refresh_token", "mfa_token", "device_token", "key", "secret", "uri", "recovery_codes"}
    await served.account()
    document = (await served.client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]

    def names(schema: Any) -> set[str]:
        if isinstance(schema, list):
            return set().union(*map(names, schema))
        if not isinstance(schema, dict):
            return set()
        if "$ref" in schema:
            return names(schemas[schema["$ref"].rpartition("/")[2]])
        return {*schema.get("properties", ()), *set().union(*map(names, schema.values()))}

    gets = {path: names(item["get"].get("responses")) for path, item in document["paths"].items() if "get" in item}
    posts = [path for path in document["paths"] if path.startswith(("/auth/", "/account/")) and "{" not in path]
    asked = {path: (await served.client.get(path)).status_code for path in posts if path not in gets}

    assert {path: found & given for path, found in gets.items() if found & given} == {}
    assert len(asked) > 10
    assert set(asked.values()) == {405}


@advisory(
    92,
    "GHSA-j8v8-g9cx-5qf4",
    without=[package("accounts/models/api_keys.py", "delete(table).where(owned, one)", "delete(table).where(one)")],
)
async def test_ghsa_j8v8_g9cx_5qf4_nobody_removes_what_is_somebody_elses(served: Served) -> None:
    await served.account("ada@example.com")
    ada = bearer(await served.login("ada@example.com"))
    eve = await served.signed_in("eve@example.com")
    made = (await make(served, ada)).json()

    answer = await served.client.delete(f"/account/api-keys/{made['id']}", headers=eve)
    left = (await served.client.get("/account/api-keys", headers=ada)).json()

    assert (answer.status_code, left["total"]) == (404, 1)


@advisory(
    96,
    "GHSA-qq9h pre-hijack",
    without=[
        package("accounts/flows/magic.py", "        await work.users.forget_password(account.id)\n", ""),
    ],
)
async def test_ghsa_qq9h_pre_hijack_the_owners_first_sign_in_ends_the_password_of_who_registered_before(
    served: Served,
) -> None:
    await served.register("ada@example.com", "the password of a stranger", "Eve")
    flow, mail = await mailed(served)

    signed_in = await redeem(served, code=digits(mail), flow=flow)
    credentials = {"email": "ada@example.com", "password": "the password of a stranger"}
    stranger = await served.client.post("/auth/login", json=credentials)

    assert (signed_in.status_code, stranger.status_code) == (200, 401)


@advisory(
    97,
    "magic link in another browser",
    without=[
        package("accounts/flows/magic.py", "given.token, now=now, flow=given.flow)", "given.token, now=now)"),
    ],
)
async def test_magic_link_in_another_browser_signs_nobody_in(served: Served) -> None:
    await served.account()
    _, mail = await mailed(served)

    forwarded = await redeem(served, token=link_token(mail), flow="the-flow-of-another-browser")

    assert forwarded.status_code == 400


@advisory(
    98,
    "magic link around the second factor",
    without=[
        package(
            "accounts/flows/magic.py", "        if challenge is not None:\n            return challenge, notices\n", ""
        ),
    ],
)
async def test_magic_link_around_the_second_factor_is_no_way(served: Served) -> None:
    await served.account()
    await served.with_totp()
    flow, mail = await mailed(served)

    answer = await redeem(served, code=digits(mail), flow=flow)

    assert set(answer.json()) == {"mfa_token", "methods"}


@advisory(
    99,
    "a new device enrols a factor instead",
    without=[
        package("accounts/flows/second_factor.py", '_FIRST = ("pwd", "email")', '_FIRST = ("pwd", "email", "confirm_device")'),
    ],
)  # fmt: skip
async def test_a_new_device_enrols_a_factor_instead_of_the_mailed_code_and_gets_nowhere(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db", new_device_confirmation=True) as served:
        await served.account()
        token = await served.challenge()
        made = await served.client.post("/auth/mfa/enrol", json={"mfa_token": token})
        if made.status_code == 201:
            text = made.json()["secret"]
            seed = base64.b32decode(text + "=" * (-len(text) % 8))
            made = await served.client.post("/auth/mfa", json={"mfa_token": token, "code": served.totp(seed)})

    assert made.status_code == 401


@advisory(
    100,
    "two people with one name",
    without=[
        package("accounts/models/usernames.py", "exact_string(_LONGEST), nullable=False, unique=True", "exact_string(_LONGEST), nullable=False"),
    ],
)  # fmt: skip
async def test_two_people_with_one_name_there_are_never(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db", login_by=["email", "username"]) as served:
        everyone = [await served.signed_in(f"p{n}@example.com") for n in range(5)]
        given = {"username": "ada"}

        answers = await asyncio.gather(
            *(served.client.post("/account/username", json=given, headers=each) for each in everyone)
        )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 4


@advisory(
    101,
    "suspended account restored by its mailbox",
    without=[package("accounts/flows/manage_users.py", "            await work.deletions.bar(user_id)\n", "")],
)
async def test_suspended_account_restored_by_its_mailbox_is_not(served: Served) -> None:
    user_id = await served.account()
    headers = bearer(await served.login())
    await served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=headers)
    root = await served.signed_in("root@example.com", role="admin")
    flow, mail = await mailed(served, "/auth/restore")
    await served.client.post(f"/users/{user_id}/suspend", headers=root)

    given = {"code": digits(mail), "flow": flow}
    answer = await served.client.post("/auth/restore/redeem", json=given)

    assert answer.status_code == 400
