"""Flaws of social sign-in and second factors that passkeys could have too: what is not bound to who asked, or asked once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from accounts.passkeys import asked, login, new, with_passkey
from accounts.serving import PASSWORD, Clock, Served, bearer, serving
from authenticator import Authenticator
from proof.advisories.advisory import advisory, package

pytestmark = pytest.mark.anyio

PAGE = {"origin": "https://localhost", "sec-fetch-site": "same-origin"}
BOUND = 'for part in (purpose.encode("utf-8", "surrogatepass"), bound_to.encode("utf-8", "surrogatepass"))'


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(f"sqlite:///{tmp_path}/one.db", clock=Clock.at_rest()) as running:
        yield running


def sign_in(served: Served, flow: str, answer: dict[str, Any]) -> Any:
    return served.client.post("/auth/passkeys/login", json={"flow": flow, "passkey": answer})


@advisory(
    51,
    "CVE-2025-68481",
    without=[
        package(
            "controls/passkeys/challenges.py", BOUND, BOUND.replace(', bound_to.encode("utf-8", "surrogatepass")', ",")
        )
    ],
)
async def test_cve_2025_68481_a_passkeys_answer_counts_for_the_browser_that_asked(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    mine, somebody_elses = await asked(served), await asked(served)

    crossed = await sign_in(served, mine["flow"], key.get(somebody_elses["options"]))

    assert crossed.status_code == 401
    assert (await sign_in(served, mine["flow"], key.get(mine["options"]))).status_code == 200


@advisory(
    51,
    "CVE-2025-14546",
    without=[
        package(
            "accounts/api/passkeys.py",
            '@opens_session(mode="cookie")\nasync def passkey_login',
            "async def passkey_login",
        )
    ],
)
async def test_cve_2025_14546_no_page_elsewhere_signs_its_visitor_in_as_somebody(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    options = await asked(served)
    given = {"flow": options["flow"], "passkey": key.get(options["options"])}
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}

    planted = await served.client.post("/auth/passkeys/login?mode=cookie", json=given, headers=evil)

    assert (planted.status_code, "set-cookie" in planted.headers) == (403, False)


@advisory(
    53,
    "GHSA-x445-f3h2-j279",
    without=[
        package("controls/passkeys/challenges.py", BOUND, BOUND.replace("purpose.encode(", "purpose[:3].encode("))
    ],
)
async def test_ghsa_x445_f3h2_j279_a_challenge_of_one_purpose_is_none_for_another(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    mfa_token = await served.challenge()
    second = (await asked(served, mfa_token=mfa_token))["options"]

    assert (await sign_in(served, mfa_token, key.get(second))).status_code == 401


@advisory(
    57,
    "allauth 65 wildcard host",
    without=[
        package(
            "controls/passkeys/settings.py",
            "            return origin in self.origins",
            "            return bool(origin)",
        )
    ],
)
async def test_allauth_65_wildcard_host_passkeys_are_used_on_our_own_pages_alone(tmp_path: Path) -> None:
    ours = {"public_url": "https://app.example.com", "hosts": {"allowed": ["*"]}}
    async with serving(f"sqlite:///{tmp_path}/one.db", settings=ours) as served:
        served.client.base_url = "https://app.example.com"
        await served.account()
        _, key, _ = await with_passkey(served, key=Authenticator(origin="https://app.example.com"))
        assert (await login(served, key)).status_code == 200
        key.origin = "https://evil.example"
        served.client.headers["host"] = "evil.example"

        told = await served.client.post("/auth/passkeys/options", json={})
        phished = await login(served, key)

    assert told.json()["options"]["rpId"] == "app.example.com"
    assert phished.status_code == 401


@pytest.mark.parametrize("wrong", [
    {"rp_id": "https://app.example.com"}, {"rp_id": "192.0.2.1"}, {"origins": ["https://app.example.com/"]},
    {"rp_id": "example.com", "origins": ["https://example.org"]},
], ids=["url", "address", "path", "elsewhere"])  # fmt: skip
@advisory(
    62,
    "GHSA-8fpg-xm3f-6cx3",
    without=[package("accounts/settings.py", "        found += self.passkeys.problems(production=production)\n", "")],
)
async def test_ghsa_8fpg_xm3f_6cx3_a_domain_that_is_none_stops_the_start(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="FASTNESS_PASSKEYS__"):
        async with serving(f"sqlite:///{tmp_path}/one.db", settings={"passkeys": wrong}):
            pass


@advisory(
    58,
    "CVE-2026-45337",
    without=[
        package(
            "accounts/flows/passkey_proof.py", "if stored is None or stored.user_id != user_id:", "if stored is None:"
        )
    ],
)
async def test_cve_2026_45337_a_passkey_of_somebody_else_meets_no_challenge(served: Served) -> None:
    await served.account("ada@example.com")
    await served.account("eve@example.com")
    await with_passkey(served, "ada@example.com")
    _, eves, _ = await with_passkey(served, "eve@example.com")
    token = await served.challenge("ada@example.com")

    given = {"mfa_token": token, "passkey": eves.get((await asked(served, mfa_token=token))["options"])}

    assert (await served.client.post("/auth/mfa", json=given)).status_code == 403


@advisory(
    37,
    "CVE-2026-35192",
    without=[package("accounts/api/passkeys.py", "    if before is not None:\n", "    if before is browser:\n")],
)
async def test_cve_2026_35192_a_sign_in_by_passkey_ends_the_session_that_the_browser_had(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)

    earlier, later = await asked(served), await asked(served)

    def in_browser(options: dict[str, Any], **headers: str) -> Any:
        given = {"flow": options["flow"], "passkey": key.get(options["options"])}
        return served.client.post("/auth/passkeys/login?mode=cookie", json=given, headers={**PAGE, **headers})

    first = await in_browser(earlier)
    old = served.client.cookies["__Host-session"]
    second = await in_browser(later, **{"x-csrf-token": first.json()["csrf_token"]})
    served.client.cookies.clear()

    assert (first.status_code, second.status_code) == (200, 200)
    fixed = await served.client.get("/profile", headers={"cookie": f"__Host-session={old}"})
    assert fixed.status_code == 401


@advisory(
    34,
    "GHSA-7w99-5wm4-3g79",
    without=[
        package(
            "controls/passkeys/challenges.py",
            "        if not await once.put_once(",
            "        if None is await once.put_once(",
        )
    ],
)
async def test_ghsa_7w99_5wm4_3g79_one_challenge_signs_in_once_however_many_use_it(served: Served) -> None:
    await served.account()
    _, key, _ = await with_passkey(served)
    options = await asked(served)
    answers = []
    for _ in range(50):
        key.count = -1  # it does not count, so that nothing else tells them apart
        answers.append(key.get(options["options"]))

    done = await asyncio.gather(*(sign_in(served, options["flow"], answer) for answer in answers))

    assert sorted(answer.status_code for answer in done) == [200] + [401] * 49


@advisory(
    68,
    "CVE-2025-61928",
    without=[
        package(
            "accounts/models/passkeys.py",
            'owned = (f.id == bindparam("factor"), f.user_id == bindparam("key"), f.kind == "passkey")',
            'owned = (f.id == bindparam("factor"), f.user_id != bindparam("key"), f.kind == "passkey")',
        )
    ],
)
async def test_cve_2025_61928_a_passkey_is_made_and_named_by_its_owner_alone(served: Served) -> None:
    victim = await served.account("ada@example.com")
    await served.account("eve@example.com")
    _, _, made = await with_passkey(served, "ada@example.com")
    eve = await served.login("eve@example.com")

    planted = await new(served, eve, Authenticator(), user_id=victim)
    renamed = await served.client.patch(f"/account/passkeys/{made['id']}", json={"name": "Eve"}, headers=bearer(eve))

    assert (planted.status_code, renamed.status_code) == (422, 404)
    assert PASSWORD
