"""Hashing and checking: one verify whoever asks, whole passwords, no crash whatever is stored."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from fastness.controls.passwords import Match, PasswordPolicy, Passwords, PasswordSettings, WeakPassword
from fastness.controls.passwords.argon import Argon2id, Cost
from fastness.core.errors import Unavailable
from fastness.core.events import Event, EventType

pytestmark = pytest.mark.anyio

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/attacks/password_edge_cases.json").read_text("utf-8")
)
PASSWORD = "mauve-tractor-whisper-banana"


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def passwords(events: list[Event]) -> Iterator[Passwords]:
    made = Passwords(PasswordSettings.unsafe_for_tests(), emit=events.append)
    yield made
    made.close()


@pytest.fixture
def verifies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stored hashes that Argon2 verified, in order: the real Argon2, counted."""
    seen: list[str] = []
    real = Argon2id.verify

    def counted(self: Argon2id, password: bytes, stored: str) -> bool:
        seen.append(stored)
        return real(self, password, stored)

    monkeypatch.setattr(Argon2id, "verify", counted)
    return seen


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [case for case in CASES if case["kind"] in kinds]


def test_every_kind_of_the_corpus_has_a_test() -> None:
    here = {
        "length", "bcrypt_truncation_pair", "nul", "unicode_normal_form_pair", "space", "unicode",
        "looks_like_hash_or_marker", "json_type",
    }  # fmt: skip
    in_the_policy_tests = {"predictable_though_complex", "good_but_fails_composition_rules"}

    assert {case["kind"] for case in CASES} == here | in_the_policy_tests


async def test_a_hash_is_argon2id_at_the_owasp_minimum_by_default() -> None:
    passwords = Passwords()

    stored = await passwords.hash(PASSWORD)

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.check(PASSWORD, stored) == Match(ok=True, new_hash=None)
    passwords.close()


async def test_a_right_password_matches_and_a_wrong_one_does_not(passwords: Passwords) -> None:
    stored = await passwords.hash(SecretStr(PASSWORD))

    assert (await passwords.check(SecretStr(PASSWORD), stored)).ok
    assert not (await passwords.check(PASSWORD + "x", stored)).ok
    assert not (await passwords.check("", stored)).ok


async def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)


async def test_a_match_is_true_only_when_it_matched(passwords: Passwords) -> None:
    stored = await passwords.hash(PASSWORD)

    assert await passwords.check(PASSWORD, stored)
    assert not await passwords.check("wrong", stored)


@pytest.mark.parametrize("given", [PASSWORD, "wrong", "", "x" * 5000, "x" * 73, "\ud800", "a\0b"])
@pytest.mark.parametrize("account", ["known", "unknown", "unusable", "malformed"])
async def test_a_check_costs_exactly_one_verify_whoever_asks(
    passwords: Passwords, verifies: list[str], account: str, given: str
) -> None:
    stored = {
        "known": await passwords.hash(PASSWORD),
        "unknown": None,
        "unusable": "!k3j4h5",
        "malformed": "md5$salt$0123456789abcdef",
    }[account]

    match = await passwords.check(given, stored)

    assert len(verifies) == 1
    assert match.ok is (account == "known" and given == PASSWORD)


async def test_the_decoy_has_the_current_cost_from_the_first_check_on(verifies: list[str]) -> None:
    passwords = Passwords(PasswordSettings(memory_kib=32, time_cost=3, parallelism=2, threads=1))

    await passwords.check(PASSWORD, None)

    assert [stored.split("$")[3] for stored in verifies] == ["m=32,t=3,p=2"]
    passwords.close()


async def test_the_decoy_matches_nothing_not_even_no_password(passwords: Passwords) -> None:
    for given in ("", "None", PASSWORD, passwords._nobody.normal.decode()):
        assert not (await passwords.check(given, None)).ok


async def test_a_cheaper_old_hash_is_topped_up_when_the_password_is_wrong(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = await passwords.hash(PASSWORD)
    now = Passwords(PasswordSettings(memory_kib=4096, time_cost=2, threads=1))
    shares: list[float] = []
    monkeypatch.setattr(Argon2id, "work", lambda _self, share: shares.append(share))

    await now.check("wrong", None)
    match = await now.check("wrong", weak)

    assert not match.ok
    assert len(shares) == 1
    assert 0 < shares[0] <= 1
    now.close()


async def test_an_argon2_hash_of_another_cost_is_upgraded_at_a_right_password_only(passwords: Passwords) -> None:
    old = await Passwords(PasswordSettings(memory_kib=64, time_cost=1, threads=1)).hash(PASSWORD)

    right = await passwords.check(PASSWORD, old)
    wrong = await passwords.check("wrong", old)

    assert right.ok
    assert right.new_hash is not None
    assert right.new_hash.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await passwords.check(PASSWORD, right.new_hash) == Match(ok=True)
    assert wrong == Match(ok=False)


@pytest.mark.parametrize(
    "stored",
    [
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$short",
        "$argon2id$v=19$m=8,t=1,p=1$",
        "$argon2id$v=19$m=8,t=0,p=1$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg721A",
        "$argon2id$v=19$m=8,t=1,p=0$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg721A",
        "$argon2id$v=19$m=4,t=1,p=1$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg721A",
        "$argon2id$v=19$m=1000000,t=1,p=1$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg721A",
        "$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg721A",
        "$argon2id$v=19$m=65536,t=999999,p=1$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg721A",
        "$argon2x$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg721A",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg72é",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$1eMp06H1Ft1NL2G6Hg721A\n",
        "argon2$argon2id",
        "$2b$12$tooshort",
        "pbkdf2_sha256$x$salt$sum",
        "plain text of somebody",
        "x" * 100_000,
        "\0",
        "\ud800",
    ],
)
async def test_a_stored_hash_that_cannot_be_used_is_no_match_and_one_event(
    passwords: Passwords, events: list[Event], verifies: list[str], stored: str
) -> None:
    match = await passwords.check(PASSWORD, stored)

    assert match == Match(ok=False)
    assert [event.type for event in events] == [EventType.CRYPT_DECRYPT_FAIL]
    assert stored not in events[0].reason
    assert passwords._argon2id.decoy in verifies


async def test_an_account_without_a_password_is_no_event(passwords: Passwords, events: list[Event]) -> None:
    for stored in (None, "", "!unusable"):
        assert not (await passwords.check("", stored)).ok

    assert events == []


async def test_events_are_emitted_where_the_request_runs_not_in_a_hashing_thread() -> None:
    threads: list[threading.Thread] = []

    def sink(_: Event) -> None:
        threads.append(threading.current_thread())

    passwords = Passwords(PasswordSettings.unsafe_for_tests(), emit=sink)

    await passwords.check(PASSWORD, "garbage")

    assert threads == [threading.current_thread()]
    passwords.close()


async def test_memory_that_is_not_there_is_a_503_and_not_a_wrong_password() -> None:
    resource = pytest.importorskip("resource")
    passwords = Passwords(PasswordSettings(memory_kib=4_194_304, threads=1))
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (3 * 1024**3, before[1]))

    try:
        for call in (passwords.hash(PASSWORD), passwords.check(PASSWORD, None)):
            with pytest.raises(Unavailable):
                await call
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        passwords.close()


async def test_a_refused_check_waits_for_the_floor_and_a_match_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    clock = iter(range(100))
    settings = PasswordSettings.unsafe_for_tests().model_copy(update={"floor_seconds": 5.0})
    passwords = Passwords(settings, now=lambda: float(next(clock)))
    stored = await passwords.hash(PASSWORD)
    monkeypatch.setattr("fastness.controls.passwords.matching.asyncio.sleep", sleep)

    await passwords.check("wrong", stored)
    await passwords.check(PASSWORD, None)
    assert slept == [4.0, 4.0]
    await passwords.check(PASSWORD, stored)
    assert slept == [4.0, 4.0]
    passwords.close()


@pytest.mark.parametrize("case", of_kind("length"), ids=lambda case: str(case["gen"]["length"]))
async def test_a_length_is_hashed_whole_or_refused_and_never_cut(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]
) -> None:
    text = (case["gen"]["repeat"] * case["gen"]["length"])[: case["gen"]["length"]]

    if len(text) > 256:
        monkeypatch.setattr(Argon2id, "hash", lambda *_: pytest.fail("hashed"))
        if len(text) > 4096:
            unread = SimpleNamespace(normalize=lambda *_: pytest.fail("a huge password was read"))
            monkeypatch.setattr("fastness.controls.passwords.text.unicodedata", unread)
        with pytest.raises(WeakPassword) as refused:
            await passwords.hash(text)
        assert (refused.value.status, refused.value.weakness) == (422, "too_long")
        assert not (await passwords.check(text, None)).ok
    else:
        stored = await passwords.hash(text)
        assert (await passwords.check(text, stored)).ok
        for at in (0, len(text) // 2, len(text) - 1):
            assert not (await passwords.check(text[:at] + "~" + text[at + 1 :], stored)).ok


@pytest.mark.parametrize("case", of_kind("bcrypt_truncation_pair"))
async def test_passwords_that_differ_after_72_bytes_are_two_passwords(
    passwords: Passwords, case: dict[str, Any]
) -> None:
    gen = case["gen"]
    prefix = (gen["prefix_repeat"] * gen["prefix_length"])[: gen["prefix_length"]]
    stored = await passwords.hash(prefix + gen["a"])

    assert (await passwords.check(prefix + gen["a"], stored)).ok
    assert not (await passwords.check(prefix + gen["b"], stored)).ok


@pytest.mark.parametrize("case", of_kind("nul"), ids=repr)
async def test_a_nul_is_part_of_the_password(passwords: Passwords, case: dict[str, Any]) -> None:
    text = case["password"]
    stored = await passwords.hash(text)

    assert (await passwords.check(text, stored)).ok
    assert not (await passwords.check(text.partition("\0")[0], stored)).ok


@pytest.mark.parametrize("case", of_kind("unicode_normal_form_pair"), ids=repr)
async def test_canonically_equal_texts_are_one_password_and_compatible_ones_are_not(
    passwords: Passwords, case: dict[str, Any]
) -> None:
    stored = await passwords.hash(case["a"])
    equal = unicodedata.normalize("NFC", case["a"]) == unicodedata.normalize("NFC", case["b"])

    assert (await passwords.check(case["b"], stored)).ok is equal


async def test_normalising_can_be_turned_off() -> None:
    passwords = Passwords(PasswordSettings.unsafe_for_tests().model_copy(update={"normalize": False}))
    stored = await passwords.hash("caf\u00e9")

    assert not (await passwords.check("cafe\u0301", stored)).ok
    passwords.close()


@pytest.mark.parametrize("case", of_kind("space"))
async def test_spaces_are_kept(passwords: Passwords, case: dict[str, Any]) -> None:
    stored = await passwords.hash(case["password"])

    assert (await passwords.check(case["password"], stored)).ok
    assert not (await passwords.check(case["password"].strip(), stored)).ok


@pytest.mark.parametrize("case", of_kind("unicode"), ids=lambda case: ascii(case["password"][:4]))
async def test_any_text_is_a_password_and_a_lone_surrogate_is_refused(
    passwords: Passwords, case: dict[str, Any]
) -> None:
    text = case["password"]

    if "\ud800" in text:
        with pytest.raises(WeakPassword) as refused:
            await passwords.hash(text)
        assert refused.value.weakness == "not_text"
        assert refused.value.__context__ is None, "a UnicodeEncodeError would quote the password in a traceback"
    else:
        assert (await passwords.check(text, await passwords.hash(text))).ok


@pytest.mark.parametrize("case", of_kind("looks_like_hash_or_marker"), ids=lambda case: case["password"])
async def test_a_password_that_looks_like_a_hash_is_plain_text(passwords: Passwords, case: dict[str, Any]) -> None:
    stored = await passwords.hash(case["password"])

    assert (await passwords.check(case["password"], stored)).ok
    assert not (await passwords.check(case["password"], None)).ok
    assert not (await passwords.check(case["password"], case["password"])).ok


@pytest.mark.parametrize("case", of_kind("json_type"), ids=lambda case: repr(case["value"]))
def test_a_json_value_that_is_no_text_is_never_coerced_into_a_password(case: dict[str, Any]) -> None:
    class Body(BaseModel):
        model_config = ConfigDict(strict=True)
        password: SecretStr

    if case["value"] == "":
        with pytest.raises(WeakPassword):
            PasswordPolicy().refuse_weak("")
        return
    raw = '{"password": Infinity}' if "Infinity" in str(case["value"]) else json.dumps({"password": case["value"]})

    with pytest.raises(ValidationError):
        Body.model_validate_json(raw)


async def test_no_representation_shows_a_password_or_a_hash(passwords: Passwords) -> None:
    from fastness.controls.passwords.text import prepare

    assert PASSWORD not in repr(prepare(PASSWORD, passwords.settings))
    assert "argon2" not in repr(Match(ok=True, new_hash=await passwords.hash(PASSWORD)))


def test_an_argon2_hash_with_a_short_salt_or_sum_or_old_version_is_outdated() -> None:
    argon2id = Argon2id(PasswordSettings.unsafe_for_tests())
    current = argon2id.hash(b"x")

    assert argon2id.cost == Cost(8, 1, 1)
    assert not argon2id.outdated(current)
    assert argon2id.outdated(current.replace("argon2id", "argon2i"))
    assert argon2id.outdated(current.replace("v=19$", ""))
    assert argon2id.outdated(current.replace("t=1", "t=2"))
    assert argon2id.outdated(current[:-6])


def test_importing_the_control_loads_no_hashing_library_and_no_store() -> None:
    code = (
        "import sys, fastness.controls.passwords;"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'argon2', 'bcrypt', 'pwdlib', 'passlib', 'sqlalchemy', 'cryptography', 'joserfc', 'fastapi', 'redis'}))"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"


def test_a_cost_below_the_owasp_minimum_stops_production() -> None:
    assert PasswordSettings().problems(production=True) == []
    assert PasswordSettings(memory_kib=47_104, time_cost=1).problems(production=True) == []

    weak = PasswordSettings(memory_kib=19_456, time_cost=1)

    assert "OWASP" in str(weak.problems(production=True)[0])
    assert len(weak.problems(production=False)) == 1
    assert PasswordSettings.unsafe_for_tests().problems(production=False) == []
    assert len(PasswordSettings.unsafe_for_tests().problems(production=True)) == 2
