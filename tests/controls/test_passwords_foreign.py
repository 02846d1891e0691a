"""Hashes of other systems: verified as those systems made them, upgraded, and never trusted with the machine.

The hashes were made by passlib 1.7.4 with bcrypt 4.0.1, Django 5.2.19 and Werkzeug 3.1.9, at low cost.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import bcrypt
import pytest

from fastness.controls.passwords import Match, Passwords, PasswordSettings, blowfish, foreign
from fastness.controls.passwords.errors import Unreadable
from fastness.core.events import Event, EventType

pytestmark = pytest.mark.anyio

PASSWORD = "grüne Wiese am Fluss 42"

HASHES = {
    "django pbkdf2_sha256": "pbkdf2_sha256$1000$seasalt1$bGbctQMWp2oStLiQwmK+8pqhYC+z3gOG2d1tz4KX+TQ=",
    "django pbkdf2_sha1": "pbkdf2_sha1$1000$seasalt1$SncRofJwDo/QMgM88JCNmvPvJL0=",
    "django scrypt": "scrypt$1024$seasalt1$8$5$rtdcUKkXrgd4ILoJjUtDn9s/G2NPntTDgmZ0u/LsYx+M6DCPs1uaPYfZE6TfFBtiU4pf7uI2"
    "FpTOJynBr8DibQ==",
    "django bcrypt_sha256": "bcrypt_sha256$$2b$04$lKN7f0rYpJhgmbQu1xQYm.cJVWU295U7tamrCNnWplPDthV.JuQeO",
    "django bcrypt": "bcrypt$$2b$04$DQzZWfOXZmmjwYD1x7RuzedskhD5ar5X2kLB63d3wANTppC/T9A/m",
    "django argon2": "argon2$argon2id$v=19$m=64,t=1,p=1$c2Vhc2FsdDE$ZLD+xL+o8Nsvli/4PAiAHB5t1BcGha8K9cxzCiUxsKc",
    "werkzeug scrypt": "scrypt:1024:8:1$9DELBxe491wZ8ZyJ$5d07a3c1896f26a1a6d917455c7c166e6bde93553d1ff7672c161bc723768a64"
    "33810e5e5a57ab1da66965a3680e42823f28909616b4eabda89362ff58714d0a",
    "werkzeug pbkdf2 sha256": "pbkdf2:sha256:1000$8cVeOqwF14PgXJNk$ba26bc93ebdff8a9b975ce16d9e63a74a9210d4b963f6f68f04460"
    "f0ff01929e",
    "werkzeug pbkdf2 sha512": "pbkdf2:sha512:1000$kd78ho0RRXif16jK$ba6e1f55278829395a3ecba63fbf8e8ae7f8b99aff46f56f7d577c"
    "afa13667ca5f7c4c2e221dfadf322b701bf368d072f24e1269b67594be89a63138ecb58e22",
    "werkzeug pbkdf2 sha1": "pbkdf2:sha1:1000$6FKAcSj90GDzWSR2$7f318b3797043380e966a2a8c00eb1340253e696",
    "passlib pbkdf2_sha256": "$pbkdf2-sha256$1000$9P6/txZibM3ZuzeG8N6bUw$StDzCPWBrZM4sjSuI1wAw3hByNFzj2LxnP7mTm.FtvM",
    "passlib pbkdf2_sha512": "$pbkdf2-sha512$1000$ec9ZqzWmtBai9H4vhfDeWw$f5HlBw4IxcjlLTbz2zgKpFmMu42kgLtS2cXUC8cB.1JvsOWsg"
    "BfJhtOoam5BWeJwDB9YEC2syVUO9riSjP/fkg",
    "passlib pbkdf2_sha1": "$pbkdf2$1000$JsTY.3.vFaJ0DsG49763Ng$F5YH/sQROT10r.ibVQlfrtmlGu8",
    "passlib scrypt": "$scrypt$ln=10,r=8,p=1$khICgFAK4fxfK6WU0nrv3Q$9B7T1yUYeIuNkRxqpjGSPKpjW281vok+dNzOwAoRqWI",
    "passlib bcrypt": "$2b$04$6D9CqJSxJa6CvJn24Pbtt.GSpmVKdHPfeEasor.ALXXhgV0/MSr/2",
    "passlib bcrypt 2a": "$2a$04$oB8UBQwJV5QxjscpS7c4iOCeZ1/q0Ohs23IklJ31T.7Im92NljyZu",
    "passlib bcrypt 2y": "$2y$04$pe9zlTbx5W4Ze6GpJTUduOvl6fvGEX9.ZwdIXuG5FmkGtejk0TeH6",
    "passlib bcrypt_sha256": "$bcrypt-sha256$v=2,t=2b,r=4$wbf/GoSqLmIt/Sbt.xDN3e$Ii00wyLUPpkYk4uJP7XfND/ou0lUMhO",
    "passlib bcrypt_sha256 v1": "$bcrypt-sha256$2b,4$Rvn30vTPNn2F1jUDw7AOwO$c1ORgNQdAtbWzjN9x3L09OZijmCjZSy",
    "passlib argon2id": "$argon2id$v=19$m=64,t=1,p=1$hxDifE8pRQhhTAnBWEvJmQ$kISAVPtB+NX2Rd8Bo2kXRQm28TYQu78F0lBRuBRaC24",
    "passlib argon2i": "$argon2i$v=19$m=64,t=1,p=1$kTJG6J3znpOy1lqrtVaKMQ$stYt09ODqcZpIOMB0cC/uKi7ExHrmjgCtZcz1ZFGMcU",
}


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def passwords(events: list[Event]) -> Iterator[Passwords]:
    made = Passwords(PasswordSettings.unsafe_for_tests(), emit=events.append)
    yield made
    made.close()


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES)
async def test_a_foreign_hash_is_verified_and_upgraded_to_argon2id(
    passwords: Passwords, events: list[Event], stored: str
) -> None:
    match = await passwords.check(PASSWORD, stored)

    assert match.ok
    assert match.new_hash is not None
    assert match.new_hash.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await passwords.check(PASSWORD, match.new_hash) == Match(ok=True)
    assert events == []


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES)
@pytest.mark.parametrize("given", [PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), "", "\0" + PASSWORD, "\ud800"])
async def test_a_wrong_password_neither_matches_nor_upgrades_a_foreign_hash(
    passwords: Passwords, events: list[Event], stored: str, given: str
) -> None:
    assert await passwords.check(given, stored) == Match(ok=False)
    assert events == []


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES)
async def test_a_damaged_foreign_hash_never_raises_and_never_matches(passwords: Passwords, stored: str) -> None:
    damaged = [stored[:at] + stored[at + 1 :] for at in range(len(stored))]
    damaged += [stored[: len(stored) * part // 8] for part in range(8)]
    damaged += [stored.replace("$", "$$"), stored + "\n", stored + "\0", stored.replace("1", "é")]

    for form in damaged:
        match = await passwords.check("somebody else's password", form)
        assert match == Match(ok=False)


@pytest.mark.parametrize("length", [72, 73, 80, 127])
async def test_bcrypt_is_matched_whole_or_not_at_all(passwords: Passwords, length: int) -> None:
    prefix = ("Aa1!" * 40)[:length]
    # What a library before bcrypt 5 stored for a longer password: its first 72 bytes.
    stored = bcrypt.hashpw(prefix.encode()[:72], bcrypt.gensalt(4)).decode()

    matches = {tail: (await passwords.check(prefix + tail, stored)).ok for tail in ("", "X", "Y")}

    assert matches == {"": length <= 72, "X": False, "Y": False}


async def test_eighteen_emoji_and_a_letter_do_not_open_the_account_of_eighteen_emoji(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(("\U0001f600" * 18).encode(), bcrypt.gensalt(4)).decode()

    assert (await passwords.check("\U0001f600" * 18, stored)).ok
    assert not (await passwords.check("\U0001f600" * 18 + "x", stored)).ok


@pytest.mark.parametrize("given", ["pass\0word", "\0", "pass\0", "pass "])
async def test_text_before_a_nul_does_not_open_a_bcrypt_account(
    passwords: Passwords, events: list[Event], given: str
) -> None:
    stored = bcrypt.hashpw(b"pass", bcrypt.gensalt(4)).decode()

    assert not (await passwords.check(given, stored)).ok
    assert events == []


async def test_a_space_does_not_stand_for_a_nul(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(b"pass word", bcrypt.gensalt(4)).decode()

    assert (await passwords.check("pass word", stored)).ok
    assert not (await passwords.check("pass\0word", stored)).ok


@pytest.mark.parametrize("given", ["wrong", "x" * 73, "x" * 5000, "a\0b", "\ud800"])
async def test_every_wrong_password_costs_a_bcrypt_account_one_bcrypt(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    stored = bcrypt.hashpw(b"pass", bcrypt.gensalt(4)).decode()
    checks: list[bytes] = []
    real = bcrypt.checkpw

    def counted(password: bytes, stored: bytes) -> bool:
        checks.append(password)
        return real(password, stored)

    monkeypatch.setattr(bcrypt, "checkpw", counted)

    assert not (await passwords.check(given, stored)).ok

    assert len(checks) == 1
    assert len(checks[0]) <= 72


async def test_without_bcrypt_the_log_says_what_to_install_and_nobody_matches(
    passwords: Passwords, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)

    match = await passwords.check(PASSWORD, HASHES["passlib bcrypt"])

    assert match == Match(ok=False)
    assert [event.type for event in events] == [EventType.CRYPT_DECRYPT_FAIL]
    assert 'pip install "fastness[service]"' in events[0].reason


@pytest.mark.parametrize(
    "planted",
    [
        "$scrypt$ln=30,r=8,p=1$khICgFAK4fxfK6WU0nrv3Q$9B7T1yUYeIuNkRxqpjGSPKpjW281vok+dNzOwAoRqWI",
        "$scrypt$ln=19,r=8,p=1$khICgFAK4fxfK6WU0nrv3Q$9B7T1yUYeIuNkRxqpjGSPKpjW281vok+dNzOwAoRqWI",
        "$scrypt$ln=99,r=8,p=1$khICgFAK4fxfK6WU0nrv3Q$9B7T1yUYeIuNkRxqpjGSPKpjW281vok+dNzOwAoRqWI",
        "$scrypt$ln=10,r=9999,p=9999$khICgFAK4fxfK6WU0nrv3Q$9B7T1yUYeIuNkRxqpjGSPKpjW281vok+dNzOwAoRqWI",
        "scrypt:536870912:8:1$salt$" + "ab" * 64,
        "scrypt:1023:8:1$salt$" + "ab" * 64,
        "scrypt:1024:0:1$salt$" + "ab" * 64,
        "pbkdf2:sha256:999999999$salt$" + "ab" * 32,
        "pbkdf2:sha256:0$salt$" + "ab" * 32,
        "pbkdf2:sha256:1000$salt$" + "ab" * 20,
        "$2b$31$6D9CqJSxJa6CvJn24Pbtt.GSpmVKdHPfeEasor.ALXXhgV0/MSr/2",
        "$2b$00$6D9CqJSxJa6CvJn24Pbtt.GSpmVKdHPfeEasor.ALXXhgV0/MSr/2",
        "$2x$04$6D9CqJSxJa6CvJn24Pbtt.GSpmVKdHPfeEasor.ALXXhgV0/MSr/2",
        "$bcrypt-sha256$v=2,t=2b,r=31$wbf/GoSqLmIt/Sbt.xDN3e$Ii00wyLUPpkYk4uJP7XfND/ou0lUMhO",
    ],
)
def test_a_planted_hash_is_refused_before_it_takes_the_memory_or_the_time_of_the_machine(planted: str) -> None:
    with pytest.raises(Unreadable) as refused:
        foreign.verifier(planted)

    assert planted not in str(refused.value)


def test_the_costs_that_these_systems_use_by_default_are_accepted() -> None:
    foreign.verifier("scrypt:32768:8:1$salt$" + "ab" * 64)
    foreign.verifier("$scrypt$ln=17,r=8,p=1$khICgFAK4fxfK6WU0nrv3Q$9B7T1yUYeIuNkRxqpjGSPKpjW281vok+dNzOwAoRqWI")
    foreign.verifier("pbkdf2_sha256$1500000$seasalt1$bGbctQMWp2oStLiQwmK+8pqhYC+z3gOG2d1tz4KX+TQ=")
    blowfish.verifier("$2b$15$6D9CqJSxJa6CvJn24Pbtt.GSpmVKdHPfeEasor.ALXXhgV0/MSr/2")


async def test_a_foreign_hash_is_compared_with_the_password_as_typed(passwords: Passwords) -> None:
    decomposed = "cafe\u0301 au lait 42"
    stored = bcrypt.hashpw(decomposed.encode(), bcrypt.gensalt(4)).decode()

    match = await passwords.check(decomposed, stored)

    assert match.new_hash is not None
    assert (await passwords.check("caf\u00e9 au lait 42", match.new_hash)).ok
