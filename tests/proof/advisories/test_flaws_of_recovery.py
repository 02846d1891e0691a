"""Codes that tell, that outlive their reason, or that work for somebody else; mail in the clear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from accounts.mail_server import MailServer, certificate
from accounts.serving import PASSWORD, Served, bearer, digits, link_token, serving
from fastness.accounts.mail import Mail, MailSettings, SmtpMailer
from proof.advisories.advisory import advisory, package

pytestmark = pytest.mark.anyio

NEW = "a brass kettle behind the moon"
PAGE = "https://app.example.com/page"
ASK = (
    "        await self.mail.ask(PURPOSE, ttl=life, canonical=canonical_email(email), flow=flow, device=device_token)\n"
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    pages: dict[str, Any] = {"verify_link": PAGE, "reset_link": PAGE, "email_link": PAGE}
    async with serving(f"sqlite:///{tmp_path}/one.db", **pages) as running:
        yield running


def forgot(served: Served, email: str) -> Any:
    return served.client.post("/auth/password/forgot", json={"email": email})


async def reset(served: Served, **given: str) -> int:
    return (await served.client.post("/auth/password/reset", json={"password": NEW, **given})).status_code


@advisory(
    28,
    "CVE-2024-45231",
    without=[
        package(
            "accounts/flows/reset_password.py",
            ASK,
            "        mail = await self.code_for(canonical=canonical_email(email), flow=flow)\n"
            "        if mail is not None:\n"
            "            await self.mail.mailer.send(mail)\n",
        )
    ],
    crashes=["ConnectionRefusedError"],
)
async def test_cve_2024_45231_a_mail_server_that_is_down_tells_nobody_who_has_an_account(tmp_path: Path) -> None:
    class Down:
        async def send(self, mail: Mail) -> None:
            raise ConnectionRefusedError

    async with serving(f"sqlite:///{tmp_path}/one.db", mailer=Down()) as served:
        given = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
        await served.client.post("/auth/register", json=given)

        answers = [await forgot(served, f"{who}@example.com") for who in ("ada", "nobody")]

    assert [(answer.status_code, set(answer.json())) for answer in answers] == [(202, {"flow"})] * 2


@advisory(
    30,
    "fastapi-users 15.0.5 forgot-password",
    without=[
        package(
            "accounts/flows/reset_password.py",
            ASK,
            f"{ASK}        async with self.db.read() as work:\n"
            "            known = await work.users.by_email(canonical_email(email))\n"
            "        if known is not None:\n"
            '            await self.new.passwords.hash("fingerprint of the old hash")\n',
        )
    ],
)
async def test_fastapi_users_15_0_5_forgot_password_costs_the_same_for_known_and_unknown(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.account()
    hashed: list[str] = []
    run = served.service.passwords._pool.run

    async def counted(work: Any) -> Any:
        hashed.append("one")
        return await run(work)

    monkeypatch.setattr(served.service.passwords._pool, "run", counted)
    counts = []
    for who in ("ada", "nobody"):
        hashed.clear()
        assert (await forgot(served, f"{who}@example.com")).status_code == 202
        counts.append(len(hashed))

    assert counts == [0, 0]


@advisory(
    34,
    "GHSA-7w99-5wm4-3g79",
    without=[
        package(
            "accounts/models/codes.py",
            't.purpose == bindparam("of"), t.used_at.is_(None), t.expires_at',
            't.purpose == bindparam("of"), t.expires_at',
        )
    ],
)
async def test_ghsa_7w99_5wm4_3g79_a_code_is_redeemed_once_however_many_ask_at_once(served: Served) -> None:
    await served.register("ada@example.com")
    given = {"token": link_token(served.mails[0])}

    answers = await asyncio.gather(*(served.client.post("/auth/verify-email", json=given) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19


@advisory(
    38,
    "allauth 65 password reset token",
    without=[
        package(
            "accounts/flows/reset_password.py",
            "            and account.password_hash == redeemed.password_hash\n",
            "",
        )
    ],
)
async def test_allauth_65_password_reset_token_dies_by_whatever_way_the_password_changes(served: Served) -> None:
    user_id = await served.account()
    flow, mail = await served.forgot()
    assert mail is not None
    async with served.service.db.write() as work:  # as a command or another program would
        account = await work.users.by_id(user_id)
        assert account is not None
        await work.users.set_password_hash(user_id, "$new", old=account.password_hash)

    assert await reset(served, code=digits(mail), flow=flow) == 400


@advisory(
    40,
    "CVE-2026-9798",
    without=[
        package(
            "accounts/flows/reset_password.py",
            "            not account.suspended\n            and account",
            "            account",
        )
    ],
)
async def test_cve_2026_9798_no_channel_lets_a_suspended_account_through(served: Served) -> None:
    user_id = await served.account()
    tokens = await served.login()
    flow, mail = await served.forgot()
    assert mail is not None
    async with served.service.db.write() as work:
        await work.users.suspend(user_id, now=served.clock.wall())

    refreshed = await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    signed_in = await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})

    assert (refreshed.status_code, signed_in.status_code) == (401, 401)
    assert await reset(served, code=digits(mail), flow=flow) == 400
    assert (await served.forgot())[1] is None


async def asked(served: Served, headers: dict[str, str], email: str) -> Mail:
    given = {"email": email, "password": PASSWORD}
    assert (await served.client.post("/account/email", json=given, headers=headers)).status_code == 202
    await served.service.mail.settled()
    return served.mails[-1]


@advisory(
    59,
    "GHSA-fmh4-wcc4-5jm3",
    without=[
        package(
            "accounts/flows/change_email.py",
            "if redeemed.user_id != who.id or redeemed.email is None:",
            "if redeemed.email is None:",
        )
    ],
)
async def test_ghsa_fmh4_wcc4_5jm3_a_code_works_for_the_account_that_asked_and_no_other(served: Served) -> None:
    ada, eve = await served.signed_in("ada@example.com"), await served.signed_in("eve@example.com")
    mail = await asked(served, ada, "countess@example.org")

    await served.client.post("/account/email/confirm", json={"token": link_token(mail)}, headers=eve)

    assert (await served.client.get("/profile", headers=eve)).json()["email"] == "eve@example.com"


@advisory(
    63,
    "CVE-2026-32700",
    without=[
        package(
            "accounts/flows/change_email.py",
            "            await work.codes.forget(account.id, purpose=PURPOSE)\n",
            "",
        )
    ],
)
async def test_cve_2026_32700_of_two_changes_of_address_only_the_last_can_be_confirmed(served: Served) -> None:
    headers = await served.signed_in()
    first, second = [await asked(served, headers, f"{name}@example.org") for name in ("first", "second")]

    answers = [
        await served.client.post("/account/email/confirm", json={"token": link_token(mail)}, headers=headers)
        for mail in (first, second)
    ]

    assert [answer.status_code for answer in answers] == [400, 200]
    assert answers[1].json()["email"] == "second@example.org"


@advisory(
    66,
    "CVE-2026-7666",
    without=[package("accounts/mail/smtp.py", 'start_tls=settings.security == "starttls",', "start_tls=None,")],
)
async def test_cve_2026_7666_a_server_that_offers_no_encryption_gets_no_mail(tmp_path: Path) -> None:
    ca, context = certificate(tmp_path)
    async with MailServer(context, offers_tls=False) as server:
        settings = MailSettings(backend="smtp", host="localhost", port=server.port, ca_file=ca, sender="a@example.com")
        refused = False
        try:
            await SmtpMailer(settings).send(Mail("ada@example.com", "Hello", "Your code: 12345678\n"))
        except aiosmtplib.SMTPException:
            refused = True

    assert refused
    assert server.received == []


@advisory(
    88,
    "CVE-2026-6873",
    without=[
        package(
            "accounts/models/codes.py",
            't.purpose == bindparam("of"), t.used_at.is_(None), t.expires_at',
            'bindparam("of").is_not(None), t.used_at.is_(None), t.expires_at',
        )
    ],
)
async def test_cve_2026_6873_a_code_for_one_thing_does_no_other(served: Served) -> None:
    await served.register("ada@example.com")
    verify = link_token(served.mails[-1])
    _, mail = await served.forgot()
    assert mail is not None

    assert await reset(served, token=verify) == 400
    assert (await served.client.post("/auth/verify-email", json={"token": link_token(mail)})).status_code == 400


@advisory(
    68,
    "CVE-2025-61928",
    without=[package("controls/fields/model.py", 'extra="forbid"', 'extra="ignore"')],
)
async def test_cve_2025_61928_no_field_of_a_body_says_whose_account_it_is_about(served: Served) -> None:
    victim = await served.account("victim@example.com")
    eve = await served.signed_in("eve@example.com")
    given = {"password": PASSWORD, "new_password": NEW, "email": "x@example.org", "name": "Eve", "code": "123456"}
    routes = {
        "/account/password": ("password", "new_password"),
        "/account/email": ("email", "password"),
        "/account/factors/totp": ("name",),
        "/auth/reauthenticate": ("password",),
    }

    for path, names in routes.items():
        for field in ("id", "user_id", "sub", "account"):
            body = {name: given[name] for name in names} | {field: victim}
            answer = await served.client.post(path, json=body, headers=eve)
            assert (path, field, answer.status_code) == (path, field, 422)

    assert await served.login("victim@example.com")


@advisory(
    69,
    "CVE-2026-87975",
    "CVE-2026-4277",
    "CVE-2026-4292",
    without=[package("controls/fields/model.py", 'extra="forbid"', 'extra="ignore"')],
)
async def test_cve_2026_87975_keys_and_rights_of_an_account_cannot_be_edited(served: Served) -> None:
    user_id = await served.account()
    headers = bearer(await served.login())
    before = (await served.client.get("/profile", headers=headers)).json()

    for field, value in {"id": "1", "role": "admin", "verified": True, "email": "x@example.org", "version": 9}.items():
        answer = await served.client.patch("/profile", json={"name": "Eve", field: value}, headers=headers)
        assert (field, answer.status_code) == (field, 422)

    assert (await served.client.get("/profile", headers=headers)).json() == before
    assert before["id"] == user_id
