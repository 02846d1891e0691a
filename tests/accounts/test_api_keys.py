"""API keys of people: made by somebody who just proved who they are, shown once, narrow, and ended at once."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import Depends
from sqlalchemy import text

from accounts.mounted import mounted, settings
from accounts.serving import PASSWORD, Served, bearer, digits, serving
from fastness import CurrentUser, require
from fastness.accounts.mail import MemoryMailer
from fastness.controls.apikeys import MemoryApiKeys
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio

ROLES = {"user": ["posts:read", "posts:write"], "editor": ["posts:read"], "admin": [], "super_admin": []}
SECRET = "a secret that the scanner knows too"


async def make(served: Any, headers: dict[str, str], **given: Any) -> httpx2.Response:
    made: httpx2.Response = await served.client.post(
        "/account/api-keys", json={"name": "Backup", **given}, headers=headers
    )
    return made


def add_routes(served: Served) -> None:
    @served.app.get("/whoami")
    async def whoami(who: CurrentUser) -> dict[str, Any]:
        return {"id": who.id, "scheme": who.scheme, "may": sorted(who.permissions)}

    @served.app.post("/posts", dependencies=[Depends(require(permission="posts:write"))])
    async def post() -> None:
        return None


async def whoami(served: Served, key: str) -> tuple[int, Any]:
    answer = await served.client.get("/whoami", headers={"X-API-Key": key})
    return answer.status_code, answer.json()


async def test_a_key_is_shown_once_acts_for_its_maker_within_its_scopes_and_is_listed_without_itself(url: str) -> None:
    async with serving(url, roles=ROLES) as served:
        add_routes(served)
        ada = await served.account()
        headers = bearer(await served.login())

        made = await make(served, headers, scopes=["posts:read"], days=30)
        key = made.json()["key"]
        seen = await whoami(served, key)
        by_bearer = await served.client.get("/whoami", headers={"Authorization": f"Bearer {key}"})
        refused = await served.client.post("/posts", headers={"X-API-Key": key})
        await served.service.keys.close()
        listed = (await served.client.get("/account/api-keys", headers=headers)).json()

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert seen == (200, {"id": ada, "scheme": "apikey", "may": ["posts:read"]})
    assert (by_bearer.status_code, refused.status_code) == (200, 403)
    [one] = listed["items"]
    assert set(one) == {"id", "name", "hint", "scopes", "created_at", "expires_at", "last_used_at"}
    assert key not in json.dumps(listed)
    assert one["hint"].endswith(key[-4:])
    assert one["last_used_at"] is not None
    assert [mail.to for mail in served.mails if "API key was made" in mail.subject] == ["ada@example.com"]
    assert key not in "".join(mail.text for mail in served.mails)
    assert EventType.AUTHN_TOKEN_CREATED in served.types()


async def test_no_usable_key_is_in_the_database(url: str) -> None:
    async with serving(url, roles=ROLES) as served:
        await served.account()
        key = (await make(served, bearer(await served.login()))).json()["key"]
        async with served.service.db.read() as work:
            rows = (await work.users.connection.execute(text("SELECT * FROM fastness_user_keys"))).all()

    assert len(rows) == 1
    assert key not in str(rows)
    assert key.rpartition("_")[2] not in str(rows)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"scopes": ["users:write"]}, 403, "insufficient_scope"),
        ({"scopes": ["posts:read", "posts:*"]}, 403, "insufficient_scope"),
        ({"days": 366}, 422, "too_many_days"),
        ({"days": 0}, 422, "invalid_input"),
        ({"scopes": ["two words"]}, 422, "invalid_input"),
        ({"name": ""}, 422, "invalid_input"),
        ({"owner": "somebody else"}, 422, "invalid_input"),
    ],
)
async def test_a_key_cannot_be_more_than_its_maker_or_than_the_settings_allow(
    url: str, given: dict[str, Any], status: int, code: str
) -> None:
    async with serving(url, roles=ROLES) as served:
        await served.account()

        refused = await make(served, bearer(await served.login()), **given)

        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert (await served.client.get("/account/api-keys", headers=bearer(await served.login()))).json()["total"] == 0


async def test_making_one_needs_a_proof_of_the_last_minutes_with_the_factor_there_is(served: Served) -> None:
    served.clock.still = served.clock.wall()
    await served.account()
    old = bearer(await served.login())
    served.clock.ahead += 301
    stale = await make(served, old)
    await served.with_totp()
    without = await served.client.post("/auth/reauthenticate", json={"password": PASSWORD}, headers=old)

    assert (stale.status_code, stale.json()["code"]) == (401, "insufficient_user_authentication")
    assert 'max_age="300"' in stale.headers["www-authenticate"]
    assert without.status_code == 401


async def test_a_person_has_at_most_as_many_as_the_setting_says_however_many_are_asked_for_at_once(url: str) -> None:
    async with serving(url, keys_per_user=3) as served:
        await served.account()
        headers = bearer(await served.login())

        answers = await asyncio.gather(*(make(served, headers) for _ in range(20)))
        listed = (await served.client.get("/account/api-keys", headers=headers)).json()

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 17
    assert listed["total"] == 3


@pytest.mark.parametrize("way", ["removed", "suspended", "deleted", "reset by its owner's address proved"])
async def test_a_key_ends_at_once_or_within_a_second_in_another_worker(url: str, way: str) -> None:
    mailbox = MemoryMailer()  # whichever process sends a mail
    async with (
        serving(url, mailer=mailbox, roles=ROLES) as served,
        serving(url, mailer=mailbox, roles=ROLES) as other,
    ):
        for one in (served, other):
            add_routes(one)
        ada = await served.account()
        root = await served.signed_in("root@example.com", role="admin")
        headers = bearer(await served.login())
        made = (await make(served, headers)).json()
        before = [await whoami(one, made["key"]) for one in (served, other)]

        match way:
            case "removed":
                path = f"/account/api-keys/{made['id']}"
                assert (await served.client.delete(path, headers=headers)).status_code == 204
                assert (await whoami(served, made["key"]))[0] == 401
            case "suspended":
                assert (await served.client.post(f"/users/{ada}/suspend", headers=root)).status_code == 200
            case "deleted":
                assert (await served.client.delete(f"/users/{ada}", headers=root)).status_code == 204
            case _:
                async with served.service.db.write() as work:
                    await work.api_keys.remove_all(ada)
        for one in (served, other):
            one.clock.ahead += 1.0
        after = [await whoami(one, made["key"]) for one in (served, other)]

    assert [status for status, _ in before] == [200, 200]
    assert [(status, body["code"]) for status, body in after] == [(401, "invalid_api_key")] * 2


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("by", ["mailed code", "administrator", "owner"])
async def test_a_reset_ends_keys_unless_told_otherwise_and_a_change_with_the_old_password_does_not(
    url: str,
    by: str,
    ends: bool,  # noqa: FBT001
) -> None:
    more: dict[str, Any] = {} if ends else {"reset_ends_keys": False}
    async with serving(url, roles=ROLES, **more) as served:
        add_routes(served)
        ada = await served.account()
        headers = bearer(await served.login())
        made = (await make(served, headers)).json()
        before = await whoami(served, made["key"])
        new = "a brass kettle behind the moon"

        match by:
            case "mailed code":
                flow, mail = await served.forgot()
                assert mail is not None
                given = {"code": digits(mail), "flow": flow, "password": new}
                done = await served.client.post("/auth/password/reset", json=given)
            case "administrator":
                root = await served.signed_in("root@example.com", role="admin")
                done = await served.client.post(f"/users/{ada}/password/force-reset", headers=root)
            case _:
                given = {"password": PASSWORD, "new_password": new}
                done = await served.client.post("/account/password", json=given, headers=headers)
        await served.service.mail.settled()
        served.clock.ahead += 1.0
        after = await whoami(served, made["key"])
        told = [mail for mail in served.mails if "API keys" in mail.text]
        ended = [event.who for event in served.events if event.type is EventType.AUTHN_TOKEN_REVOKED]

    gone = ends and by != "owner"
    assert done.status_code in {200, 204}
    assert (before[0], after[0]) == (200, 401 if gone else 200)
    assert [mail.to for mail in told] == (["ada@example.com"] if gone else [])
    assert ended == ([ada] if gone else [])


async def test_a_key_loses_what_its_owner_loses(url: str) -> None:
    async with serving(url, roles=ROLES) as served:
        add_routes(served)
        ada = await served.account()
        key = (await make(served, bearer(await served.login()), scopes=["posts:read", "posts:write"])).json()["key"]
        before = (await whoami(served, key))[1]["may"]
        async with served.service.db.write() as work:
            await work.users.set_role(ada, "editor", now=served.clock.wall())
        served.clock.ahead += 1.0

        after = (await whoami(served, key))[1]["may"]

    assert (before, after) == (["posts:read", "posts:write"], ["posts:read"])


async def test_a_key_expires(url: str) -> None:
    async with serving(url) as served:
        add_routes(served)
        await served.account()
        key = (await make(served, bearer(await served.login()), days=1)).json()["key"]
        served.clock.ahead += 86_401

        assert (await whoami(served, key))[0] == 401
        async with served.service.db.write() as work:
            assert await work.purge("fastness_user_keys", served.clock.wall()) == 1


async def test_no_route_of_accounts_takes_a_key(url: str) -> None:
    async with serving(url, roles={**ROLES, "super_admin": ["users:read", "users:write"]}) as served:
        add_routes(served)
        headers = await served.signed_in("root@example.com", role="super_admin")
        key = (await make(served, headers, scopes=["users:read", "users:write"])).json()["key"]
        rules = [
            rule
            for rule in served.app.state.fastness.gate.current().all
            if rule.access == "required" and rule.path not in {"/whoami", "/posts"}
        ]
        asked = {
            (method, rule.path): await served.client.request(
                method, rule.path.replace("{", "").replace("}", ""), headers={"X-API-Key": key}, json={}
            )
            for rule in rules
            for method in rule.methods or ()
            if method not in {"HEAD", "OPTIONS"}
        }

    assert len(asked) > 25
    assert {where: answer.status_code for where, answer in asked.items() if answer.status_code != 403} == {}
    codes = {answer.json()["code"] for answer in asked.values()}
    assert codes <= {"person_required", "insufficient_scope"}


async def test_a_public_route_minds_no_key(url: str) -> None:
    async with serving(url) as served:
        await served.account()
        key = (await make(served, bearer(await served.login()))).json()["key"]

        assert (await served.client.get("/health", headers={"X-API-Key": key})).status_code == 200


async def test_the_document_names_keys_where_they_are_taken_and_not_at_accounts(url: str) -> None:
    async with serving(url) as served:
        add_routes(served)
        document = (await served.client.get("/openapi.json")).json()

    named = {
        path
        for path, item in document["paths"].items()
        for operation in item.values()
        if any("fastness_api_key" in entry for entry in operation.get("security", []))
    }
    assert named == {"/whoami", "/posts"}


@pytest.mark.parametrize(
    "kind", ["sqlite-async", "sqlite-sync", pytest.param("postgresql-sync", marks=pytest.mark.store)]
)
async def test_keys_work_in_somebody_elses_application_with_its_own_permissions(kind: str, tmp_path: Path) -> None:
    def before(app: Any) -> None:
        from fastness import secure

        secure(app, settings(), roles={"user": ["shoes:read"]})

    def routes(app: Any, *_: Any) -> None:
        async def shoes(who: CurrentUser) -> str:
            return who.id

        app.get("/shoes", dependencies=[Depends(require(permission="shoes:read"))])(shoes)

    async with mounted(kind, tmp_path, before=before, routes=routes, chosen=settings()) as here:
        ada = await here.registered()
        made = await make(here, await here.signed_in(), scopes=["shoes:read"])
        answer = await here.client.get("/shoes", headers={"X-API-Key": made.json()["key"]})

    assert (made.status_code, answer.status_code, answer.json()) == (201, 200, ada)


@pytest.mark.parametrize("apikeys", [MemoryApiKeys(), False])
async def test_where_the_application_reads_its_own_keys_or_none_accounts_make_none(
    tmp_path: Path, apikeys: Any
) -> None:
    def before(app: Any) -> None:
        from fastness import secure

        secure(app, settings(), apikeys=apikeys)

    async with mounted("sqlite-async", tmp_path, before=before) as here:
        await here.registered()
        made = await make(here, await here.signed_in())

    assert made.status_code == 404


# ---- reports of leaked keys


def signed(report: Any, secret: str = SECRET) -> dict[str, Any]:
    body = json.dumps(report).encode()
    mac = "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
    return {"content": body, "headers": {"X-Fastness-Signature-256": mac, "Content-Type": "application/json"}}


async def test_a_signed_report_ends_the_key_and_tells_its_owner_and_nobody_else_anything(url: str) -> None:
    async with serving(url, leaks={"secret": SECRET}) as served:
        add_routes(served)
        await served.account()
        key = (await make(served, bearer(await served.login()))).json()["key"]
        unknown = served.service.keys.make("x", scopes=(), within=()).key.get_secret_value()
        entry = {"type": "fast", "url": "https://github.com/ada/secret-repository/blob/main/x.py", "source": "content"}

        first = await served.client.post("/api-keys/leaked", **signed([{**entry, "token": key}]))
        gone = await whoami(served, key)
        others = [
            await served.client.post("/api-keys/leaked", **signed(report))
            for report in ([{**entry, "token": key}], [{**entry, "token": unknown}], [{"token": "typo"}, 5, {}], [])
        ]
        mails = await served.about("An API key of your account leaked and was removed")

    assert gone[0] == 401
    assert {(one.status_code, one.content) for one in [first, *others]} == {(204, b"")}
    assert [mail.to for mail in mails] == ["ada@example.com"]
    assert "github.com" in mails[0].text
    assert "repository" not in mails[0].text
    assert [event.details["by"] for event in served.events if event.type is EventType.AUTHN_TOKEN_REVOKED] == [
        "leak report"
    ]


async def test_a_report_that_nobody_signed_ends_nothing(url: str) -> None:
    async with serving(url, leaks={"secret": SECRET}) as served:
        add_routes(served)
        await served.account()
        key = (await make(served, bearer(await served.login()))).json()["key"]
        report = [{"token": key}]
        other = signed(report, "another secret that is long enough")
        altered = {**signed([]), "content": json.dumps(report).encode()}

        answers = [
            await served.client.post("/api-keys/leaked", **how)
            for how in (
                {"json": report},
                other,
                altered,
                {**signed(report), "headers": {"X-Fastness-Signature-256": "sha256="}},
            )
        ]

        assert [answer.status_code for answer in answers] == [401] * 4
        assert (await whoami(served, key))[0] == 200


async def test_a_scanner_may_sign_as_github_does(url: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    async with serving(url, leaks={"public_keys": {"one": pem, "broken": "no key"}}) as served:
        add_routes(served)
        await served.account()
        key = (await make(served, bearer(await served.login()))).json()["key"]
        body = json.dumps([{"token": key}]).encode()
        signature = base64.b64encode(private.sign(body, ec.ECDSA(SHA256()))).decode()

        async def report(identifier: str, signature: str) -> int:
            headers = {"Github-Public-Key-Identifier": identifier, "Github-Public-Key-Signature": signature}
            return (await served.client.post("/api-keys/leaked", content=body, headers=headers)).status_code

        refused = [
            await report("another", signature),
            await report("broken", signature),
            await report("one", "AAAA"),
            await report("one", "not base64!"),
        ]
        before = (await whoami(served, key))[0]
        taken = await report("one", signature)

        assert (refused, before, taken) == ([401] * 4, 200, 204)
        assert (await whoami(served, key))[0] == 401


async def test_without_a_secret_or_key_nobody_can_report(served: Served) -> None:
    assert (await served.client.post("/api-keys/leaked", json=[])).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 100_000, json.dumps([{}] * 501).encode(), b"\xff"])
async def test_a_report_that_is_none_is_refused(tmp_path: Path, body: bytes) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db", leaks={"secret": SECRET}) as served:
        mac = "sha256=" + hmac.digest(SECRET.encode(), body, "sha256").hex()
        answer = await served.client.post("/api-keys/leaked", content=body, headers={"X-Fastness-Signature-256": mac})

    assert answer.status_code == 400


async def test_of_thirty_reports_at_once_one_ends_the_key_and_one_mail_leaves(url: str) -> None:
    async with serving(url, leaks={"secret": SECRET}) as served:
        await served.account()
        headers = bearer(await served.login())
        for _ in range(3):
            key = (await make(served, headers)).json()["key"]
            served.mails.clear()

            answers = await asyncio.gather(
                *(served.client.post("/api-keys/leaked", **signed([{"token": key}])) for _ in range(30))
            )

            assert {answer.status_code for answer in answers} == {204}
            assert len(await served.about("An API key of your account leaked and was removed")) == 1
