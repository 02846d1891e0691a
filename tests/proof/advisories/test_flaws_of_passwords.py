"""Passwords that open with another tail, and sign-ins whose cost tells who has an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from sqlalchemy import text

from accounts.serving import PASSWORD, Served, bearer, serving
from fastness.controls.fields import canonical_username
from fastness.controls.passwords import Passwords, PasswordSettings
from fastness.controls.passwords.argon import Argon2id
from proof.advisories.advisory import ROOT, advisory, package

pytestmark = pytest.mark.anyio

MATCHING = "controls/passwords/matching.py"
LOGIN = "accounts/flows/login.py"
KNOWN_ONLY = "        if account is not None:\n            await self._count(canonical, device)\n        match"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(PasswordSettings.unsafe_for_tests())
    yield made
    made.close()


@pytest.fixture
def verifies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Argon2 and bcrypt verified, in order: the real ones, counted."""
    seen: list[str] = []
    argon2, old = Argon2id.verify, bcrypt.checkpw

    def counted(self: Argon2id, password: bytes, stored: str) -> bool:
        seen.append(stored)
        return argon2(self, password, stored)

    def counted_old(password: bytes, stored: bytes) -> bool:
        seen.append(stored.decode())
        return old(password, stored)

    monkeypatch.setattr(Argon2id, "verify", counted)
    monkeypatch.setattr(bcrypt, "checkpw", counted_old)
    return seen


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How much of a check was worked through on top of a cheaper one."""
    seen: list[float] = []
    real = Argon2id.work

    def counted(self: Argon2id, share: float) -> None:
        seen.append(share)
        real(self, min(share, 1.0))

    monkeypatch.setattr(Argon2id, "work", counted)
    return seen


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    both = ["email", "username"]
    async with serving(f"sqlite:///{tmp_path}/accounts.db", password_grant=True, login_by=both) as running:
        await running.account("known@example.com")
        await running.account("unverified@example.com", verified=False)
        await running.account("suspended@example.com", suspended=True)
        await running.account("administrator@example.com", role="admin")
        await running.account("passwordless@example.com")
        await running.account("old@example.com")
        await stores(running, "passwordless", None)
        await stores(running, "old", bcrypt.hashpw(b"from long ago, and whole", bcrypt.gensalt(4)).decode())
        yield running


STATES = ("unknown", "known", "unverified", "suspended", "administrator", "passwordless", "old")


async def stores(served: Served, state: str, password_hash: str | None) -> None:
    """What the database holds instead of the hash that the front door wrote."""
    change = text("UPDATE users SET password_hash = :hash WHERE email_canonical = :email")
    async with served.service.db.transaction() as connection:
        done = await connection.execute(change, {"hash": password_hash, "email": f"{state}@example.com"})
    assert done.rowcount == 1


@advisory(
    23,
    "CVE-2025-22228",
    without=[package("controls/passwords/blowfish.py", "return matches and whole", "return matches")],
)
async def test_cve_2025_22228_a_password_is_compared_whole(passwords: Passwords) -> None:
    pairs = [("x" * 72 + "one", "x" * 72 + "two"), ("\N{GRINNING FACE}" * 18 + "a", "\N{GRINNING FACE}" * 18 + "b")]
    pairs += [("é" * 36 + "1", "é" * 36 + "2"), ("y" * 72, "y" * 72 + "z"), ("short\0one", "short\0two")]

    for right, other in pairs:
        new = await passwords.hash(right)
        assert (await passwords.check(right, new)).ok
        assert not (await passwords.check(other, new)).ok
        old = bcrypt.hashpw(right.encode().replace(b"\0", b" ")[:72], bcrypt.gensalt(4)).decode()
        assert not (await passwords.check(other, old)).ok, "another tail opens an old hash"


@advisory(
    24,
    "CVE-2025-22234",
    without=[
        package(
            MATCHING,
            "        except WeakPassword:\n            password = self._nobody",
            "        except WeakPassword:\n            return _NO",
        )
    ],
    also=[
        [
            package(
                "controls/passwords/blowfish.py",
                "        try:\n            matches = bcrypt",
                "        if not whole:\n            return False\n        try:\n            matches = bcrypt",
            )
        ],
        [
            package(
                MATCHING, "if verify(password.typed) else self._topped_up(began)", "if verify(password.typed) else _NO"
            )
        ],
    ],
)
async def test_cve_2025_22234_an_endless_password_costs_what_every_other_costs(
    passwords: Passwords, verifies: list[str], shares: list[float], served: Served
) -> None:
    known, old = await passwords.hash(PASSWORD), bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()

    for length in (73, 257, 5_000, 100_000):
        for stored in (None, known):
            verifies.clear()
            assert not (await passwords.check("p" * length, stored)).ok
            assert len(verifies) == 1, (length, stored)
        verifies.clear()
        shares.clear()
        passwords._verify_seconds = 1_000.0  # so that no old hash takes as long as a current one
        assert not (await passwords.check("p" * length, old)).ok
        assert verifies == [old], length
        assert [share > 0.9 for share in shares] == [True], length
    for length in (73, 257, 5_000):
        costs = set()
        for state in STATES:
            verifies.clear()
            given = {"email": f"{state}@example.com", "password": "p" * length}
            answer = await served.client.post("/auth/login", json=given)
            costs.add((answer.status_code, answer.json()["code"], len(verifies)))
        assert len(costs) == 1, length


@advisory(
    25,
    "passlib #1082",
    without=[
        package(
            "controls/passwords/blowfish.py",
            'password if whole else password.replace(b"\\0", b" ")[:_LONGEST]',
            "password",
        )
    ],
)
async def test_passlib_1082_today_s_bcrypt_refuses_long_passwords_and_nothing_breaks(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
    pins = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")

    assert "passlib" not in pins
    assert (await passwords.check("correct horse", stored)).new_hash is not None
    assert not (await passwords.check("x" * 100, stored)).ok
    # bcrypt 5 raises for more than 72 bytes where 4 cut them off: neither is an answer to a sign-in.
    trouble: list[object] = []
    loud = Passwords(PasswordSettings.unsafe_for_tests(), emit=trouble.append)
    assert not (await loud.check("x" * 100, stored)).ok
    loud.close()
    assert trouble == []


@advisory(
    26,
    "CVE-2024-39329",
    without=[
        package(
            MATCHING,
            'if not stored or stored.startswith("!"):\n            return self._decoy(password.normal)',
            'if not stored or stored.startswith("!"):\n            return _NO',
        )
    ],
    also=[
        [  # whoever may not sign in is not worth a hash, and tells so
            package(
                LOGIN,
                "        match = await self.passwords.check(password, account.password_hash if account else None)\n",
                "        if account is not None and not self._may_login(account):\n"
                '            raise BadCredentials("not allowed")\n'
                "        match = await self.passwords.check(password, account.password_hash if account else None)\n",
            )
        ],
        [package(LOGIN, "        await self._count(canonical, device)\n        match", KNOWN_ONLY)],
    ],
)
async def test_cve_2024_39329_no_state_of_an_account_is_cheaper(
    passwords: Passwords, verifies: list[str], served: Served, tmp_path: Path
) -> None:
    stored: list[str | None] = [None, "", "!", "!unusable", "!!", await passwords.hash(PASSWORD), "not a hash"]

    for one in stored:
        verifies.clear()
        assert not (await passwords.check("a wrong password, long enough", one)).ok
        assert len(verifies) == 1, one
    for state in STATES:
        verifies.clear()
        given = {"email": f"{state}@example.com", "password": "a wrong password, long enough"}
        assert (await served.client.post("/auth/login", json=given)).status_code == 401
        assert len(verifies) == 1, state
    # From here on the throttle answers, for those who are there and for those who are not, and without a hash.
    async with serving(f"sqlite:///{tmp_path}/throttled.db", throttle={"account": "3/hour"}) as throttled:
        await throttled.account("known@example.com")
        seen = []
        for state in ("unknown", "known"):
            given = {"email": f"{state}@example.com", "password": "a wrong password, long enough"}
            verifies.clear()
            tries = [(await throttled.client.post("/auth/login", json=given)).status_code for _ in range(5)]
            seen.append((tries, len(verifies)))
    assert seen == [([401, 401, 401, 429, 429], 3)] * 2


@advisory(
    27,
    "CVE-2025-13473",
    without=[
        package(
            "accounts/api/token.py",
            "                match await login.with_password(name, password, client):",
            "                async with login.db.read() as work:\n"
            "                    if await work.users.by_email(name) is None:\n"
            '                        raise BadCredentials("unknown")\n'
            "                match await login.with_password(name, password, client):",
        )
    ],
)
async def test_cve_2025_13473_every_way_to_sign_in_has_the_same_defence(served: Served, verifies: list[str]) -> None:
    """Every way in which a password is asked for before anybody is known. API keys are no passwords: see CVE-2026-23996."""
    wrong = "a wrong password, long enough"
    page = {"origin": "https://localhost", "sec-fetch-site": "same-origin"}

    for state in STATES:
        email = f"{state}@example.com"
        form = {"grant_type": "password", "username": email, "password": wrong}
        costs = []
        ways: list[tuple[str, dict[str, Any]]] = [
            ("/auth/login", {"json": {"email": email, "password": wrong}}),
            ("/auth/login?mode=cookie", {"json": {"email": email, "password": wrong}, "headers": page}),
            ("/auth/token", {"data": form}),
        ]
        for path, how in ways:
            verifies.clear()
            assert (await served.client.post(path, **how)).status_code in {400, 401}
            costs.append(len(verifies))
        assert costs == [1, 1, 1], state


@advisory(
    27,
    "CVE-2025-13473",
    without=[
        package(
            LOGIN,
            "        await self._count(canonical, device)\n        match",
            '        if account is None and "@" not in name:\n'
            '            raise BadCredentials("unknown")\n'
            "        await self._count(canonical, device)\n        match",
        )
    ],
)
async def test_cve_2025_13473_a_user_name_costs_what_an_address_costs(served: Served, verifies: list[str]) -> None:
    for state in ("known", "suspended"):
        async with served.service.db.write() as work:
            account = await work.users.by_email(f"{state}@example.com")
            assert account is not None
            name = f"the.{state}.one"
            assert await work.usernames.add(account.id, name, canonical_username(name))

    for name in ("the.known.one", "the.suspended.one", "nobody.has.this"):
        form = {"grant_type": "password", "username": name, "password": "a wrong password, long enough"}
        ways: list[tuple[str, dict[str, Any]]] = [
            ("/auth/login", {"json": {"username": name, "password": form["password"]}}),
            ("/auth/token", {"data": form}),
        ]
        for path, how in ways:
            verifies.clear()
            assert (await served.client.post(path, **how)).status_code in {400, 401}
            assert len(verifies) == 1, (path, name)


@advisory(
    27,
    "CVE-2025-13473",
    without=[
        package(
            "accounts/flows/prove_again.py",
            "        match = await self.passwords.check(password, account.password_hash if account else None)\n",
            "        if account is not None and not account.password_hash:\n"
            "            raise WrongPassword\n"
            "        match = await self.passwords.check(password, account.password_hash if account else None)\n",
        )
    ],
)
async def test_cve_2025_13473_to_prove_a_password_again_costs_the_same(served: Served, verifies: list[str]) -> None:
    wrong, new = "a wrong password, long enough", "a brass kettle behind the moon"
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/auth/reauthenticate", {"password": wrong}),
        ("POST", "/account/password", {"password": wrong, "new_password": new}),
        ("POST", "/account/email", {"password": wrong, "email": "new@example.org"}),
        ("DELETE", "/account", {"password": wrong}),
    ]
    headers = {}
    for state in ("known", "administrator"):
        headers[state] = bearer(await served.login(f"{state}@example.com"))
    await served.account("later@example.com")
    headers["later"] = bearer(await served.login("later@example.com"))
    await stores(served, "later", None)  # signed in, and has no password any more

    for method, path, body in asked:
        for state, known in headers.items():
            verifies.clear()
            answer = await served.client.request(method, path, json=body, headers=known)
            assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password"), (path, state)
            assert len(verifies) == 1, (path, state)
