"""Passwords that open with another tail, and sign-ins whose cost tells who has an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import bcrypt
import pytest

from accounts.serving import PASSWORD, Served, serving
from fastness.controls.passwords import Passwords, PasswordSettings
from fastness.controls.passwords.argon import Argon2id
from proof.advisories.advisory import ROOT, advisory, package

pytestmark = pytest.mark.anyio

MATCHING = "controls/passwords/matching.py"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(PasswordSettings.unsafe_for_tests())
    yield made
    made.close()


@pytest.fixture
def verifies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Argon2 verified, in order: the real Argon2, counted."""
    seen: list[str] = []
    real = Argon2id.verify

    def counted(self: Argon2id, password: bytes, stored: str) -> bool:
        seen.append(stored)
        return real(self, password, stored)

    monkeypatch.setattr(Argon2id, "verify", counted)
    return seen


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(f"sqlite:///{tmp_path}/accounts.db", password_grant=True) as running:
        await running.account("known@example.com")
        await running.account("unverified@example.com", verified=False)
        await running.account("suspended@example.com", suspended=True)
        yield running


STATES = ("unknown", "known", "unverified", "suspended")


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
)
async def test_cve_2025_22234_an_endless_password_costs_what_every_other_costs(
    passwords: Passwords, verifies: list[str], served: Served
) -> None:
    known, old = await passwords.hash(PASSWORD), bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()

    for length in (73, 257, 5_000, 100_000):
        for stored in (None, known):
            verifies.clear()
            assert not (await passwords.check("p" * length, stored)).ok
            assert len(verifies) == 1, (length, stored)
        assert not (await passwords.check("p" * length, old)).ok
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
)
async def test_cve_2024_39329_no_state_of_an_account_is_cheaper(
    passwords: Passwords, verifies: list[str], served: Served
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
    for state in STATES:
        email, wrong = f"{state}@example.com", "a wrong password, long enough"
        form = {"grant_type": "password", "username": email, "password": wrong}
        costs = []
        for answer_of in (
            served.client.post("/auth/login", json={"email": email, "password": wrong}),
            served.client.post("/auth/token", data=form),
        ):
            verifies.clear()
            assert (await answer_of).status_code in {400, 401}
            costs.append(len(verifies))
        assert costs == [1, 1], state
