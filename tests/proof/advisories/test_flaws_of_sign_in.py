"""Sessions that fork, outlive their account or stay the same; second factors without a limit or of somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from accounts.serving import PASSWORD, Clock, Served, bearer, serving
from proof.advisories.advisory import advisory, package

pytestmark = pytest.mark.anyio

PAGE = {"origin": "https://localhost", "sec-fetch-site": "same-origin"}
ROTATE = 't.family == bindparam("f"), t.current == bindparam("presented"), t.idle_expires_at > bindparam("now")\n            )\n            .values(\n                previous'
FORKED = ROTATE.replace('t.current == bindparam("presented")', 'bindparam("presented").is_not(None)')


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(f"sqlite:///{tmp_path}/one.db", clock=Clock.at_rest()) as running:
        yield running


def refresh(served: Served, token: str) -> Any:
    return served.client.post("/auth/refresh", json={"refresh_token": token})


@advisory(31, "CVE-2026-1035", without=[package("accounts/models/session_statements.py", ROTATE, FORKED)])
async def test_cve_2026_1035_fifty_refreshes_at_once_leave_one_successor(served: Served) -> None:
    await served.account()
    token = (await served.login())["refresh_token"]

    answers = await asyncio.gather(*(refresh(served, token) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


@advisory(33, "GHSA-392p-2q2v-4372", without=[package("accounts/models/session_statements.py", ROTATE, FORKED)])
async def test_ghsa_392p_2q2v_4372_without_a_grace_one_refresh_wins(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db", refresh_grace=0) as served:
        await served.account()
        token = (await served.login())["refresh_token"]

        answers = await asyncio.gather(*(refresh(served, token) for _ in range(50)))

    assert [answer.status_code for answer in answers].count(200) == 1


@advisory(
    35,
    "GHSA-pw9m-5jxm-xr6h",
    without=[package("accounts/models/sessions.py", '"current": digest(token),', '"current": token.encode(),')],
)
async def test_ghsa_pw9m_5jxm_xr6h_a_refresh_token_is_no_access_token_and_is_not_in_the_database(
    served: Served,
) -> None:
    await served.account()
    token = (await served.login())["refresh_token"]

    used = await served.client.get("/profile", headers={"Authorization": f"Bearer {token}"})
    async with served.service.db.transaction() as connection:
        rows = repr(list(await connection.execute(text("SELECT * FROM fastness_sessions"))))

    assert used.status_code == 401
    assert token not in rows
    assert token[24:] not in rows


@advisory(
    36,
    "GHSA-2vg6-77g8-24mp",
    without=[package("accounts/models/session_statements.py", 'ForeignKey(accounts.key, ondelete="CASCADE"), ', "")],
)
async def test_ghsa_2vg6_77g8_24mp_nothing_outlives_a_deleted_account(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db", deletion_days=0) as served:
        await served.account()
        tokens = await served.login()

        gone = await served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=bearer(tokens))
        async with served.service.db.transaction() as connection:
            left = (await connection.execute(text("SELECT count(*) FROM fastness_sessions"))).scalar_one()

        assert (gone.status_code, left) == (204, 0)
        assert (await refresh(served, tokens["refresh_token"])).status_code == 401
        assert (await served.client.get("/profile", headers=bearer(tokens))).status_code == 401


@advisory(
    37,
    "CVE-2026-35192",
    without=[package("accounts/api/login.py", "    if before is not None:\n", "    if before is browser:\n")],
)
async def test_cve_2026_35192_a_sign_in_ends_the_session_that_the_browser_had(served: Served) -> None:
    await served.account()
    given = {"email": "ada@example.com", "password": PASSWORD}
    first = await served.client.post("/auth/login?mode=cookie", json=given, headers=PAGE)
    old = served.client.cookies["__Host-session"]

    headers = {**PAGE, "x-csrf-token": first.json()["csrf_token"]}
    second = await served.client.post("/auth/login?mode=cookie", json=given, headers=headers)
    new = served.client.cookies["__Host-session"]
    served.client.cookies.clear()

    assert (second.status_code, old == new) == (200, False)
    fixed = await served.client.get("/profile", headers={"cookie": f"__Host-session={old}"})
    assert fixed.status_code == 401


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


@advisory(
    47,
    "allauth 65 MFA enrolment",
    without=[
        package(
            "accounts/flows/manage_factors.py",
            "        await self.throttle.by_factor(who.id)\n        async with self.db.write() as work:\n",
            "        async with self.db.write() as work:\n",
        )
    ],
)
async def test_allauth_65_mfa_enrolment_counts_tries_too(tmp_path: Path) -> None:
    async with serving(
        f"sqlite:///{tmp_path}/one.db", clock=Clock.at_rest(), throttle={"factor": ["5/5 minutes"]}
    ) as served:
        headers = await served.signed_in()
        made = (await served.client.post("/account/factors/totp", json={}, headers=headers)).json()
        path = f"/account/factors/{made['id']}/confirm"

        tries = [
            (await served.client.post(path, json={"code": f"{n:06d}"}, headers=headers)).status_code for n in range(7)
        ]

    assert tries == [403] * 5 + [429] * 2


@advisory(
    48,
    "allauth 65 login rate limit",
    without=[
        package("accounts/flows/second_factor.py", "        await self.throttle.by_factor(challenge.user_id)\n", "")
    ],
)
async def test_allauth_65_login_rate_limit_holds_for_the_pending_sign_in_too(tmp_path: Path) -> None:
    async with serving(
        f"sqlite:///{tmp_path}/one.db", clock=Clock.at_rest(), throttle={"factor": ["5/5 minutes"]}
    ) as served:
        await served.account()
        _, seed, _ = await served.with_totp()
        served.clock.ahead += 600
        statuses = []
        for _ in range(3):
            token = await served.challenge()
            for _ in range(2):
                given = {"mfa_token": token, "code": wrong(served.totp(seed))}
                statuses.append((await served.client.post("/auth/mfa", json=given)).status_code)
        right = {"mfa_token": await served.challenge(), "code": served.totp(seed)}
        statuses.append((await served.client.post("/auth/mfa", json=right)).status_code)

    assert statuses == [403] * 5 + [429] * 2


@advisory(
    58,
    "CVE-2026-45337",
    without=[
        package(
            "accounts/models/recovery_codes.py",
            'owned = t.user_id == bindparam("key")',
            'owned = (t.user_id == bindparam("key")) | t.code.is_not(None)',
        )
    ],
)
async def test_cve_2026_45337_nobodys_challenge_is_met_by_somebody_elses_factor(served: Served) -> None:
    await served.account("ada@example.com")
    await served.account("eve@example.com")
    await served.with_totp("ada@example.com")
    _, _, eves = await served.with_totp("eve@example.com")

    given = {"mfa_token": await served.challenge("ada@example.com"), "recovery_code": eves[0]}

    assert (await served.client.post("/auth/mfa", json=given)).status_code == 403
