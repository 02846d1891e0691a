"""The policy: length, blocklist, the person's own words, predictable forms; no composition rule."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fastness.controls.passwords import PasswordPolicy, PasswordSettings, WeakPassword
from fastness.controls.passwords.blocklist import shipped
from fastness.controls.passwords.predictability import read
from fastness.core.asgi import problem

DATA = Path(__file__).parents[1] / "data/attacks"
CASES = json.loads((DATA / "password_edge_cases.json").read_text("utf-8"))
COMMON = (DATA / "passwords_top100k.txt").read_text("utf-8").splitlines()

POLICY = PasswordPolicy()
WITH_MFA = PasswordPolicy(mfa_required=True)
WITHOUT_LENGTH = PasswordPolicy(PasswordSettings(min_length=10))


def weakness(policy: PasswordPolicy, password: str, **context: tuple[str, ...]) -> str | None:
    """Why `policy` refuses `password`; None when it does not."""
    try:
        policy.refuse_weak(password, **context)
    except WeakPassword as refused:
        return refused.weakness
    return None


def test_fourteen_characters_are_too_few_alone_and_eight_are_enough_beside_a_second_factor() -> None:
    assert weakness(POLICY, "zq8 lantern un") == "too_short"
    assert weakness(POLICY, "zq8 lantern und") is None
    assert weakness(WITH_MFA, "zq8lanx") == "too_short"
    assert weakness(WITH_MFA, "zq8lanxw") is None


def test_length_counts_code_points_of_the_normal_form_and_not_bytes() -> None:
    fourteen = "\u4f60\u597d\u5417\u6211\u5f88\u4e50\u610f\u8ba4\u8bc6\u60a8\u5148\u751f\u5f20\u4e09"

    assert len(fourteen.encode()) > 40
    assert weakness(POLICY, fourteen) == "too_short"
    assert weakness(POLICY, fourteen + "\u56db") is None
    assert weakness(POLICY, "e\u0301" * 8) == "too_short"


def test_two_hundred_and_fifty_six_characters_are_accepted_and_one_more_is_refused() -> None:
    long = "".join(random.Random(1).choices(string.ascii_letters, k=257))

    assert weakness(POLICY, long[:256]) is None
    assert weakness(POLICY, long) == "too_long"
    assert weakness(POLICY, "\U0001f98a\u4f60e\u00df" * 64 + "x") == "too_long"


def test_every_common_password_of_a_permitted_length_is_refused() -> None:
    for policy in (POLICY, WITH_MFA):
        long_enough = [word for word in COMMON if len(word) >= policy.min_length]

        assert len(long_enough) >= 72
        assert [word for word in long_enough if weakness(policy, word) != "common"] == []


def test_case_width_and_compatible_letters_do_not_hide_a_common_password() -> None:
    for form in ("manchesterunited", "MANCHESTERUNITED", "\uff4d\uff41nchesterunited", "manche\u017fterunited"):
        assert weakness(POLICY, form) == "common"


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["kind"] == "predictable_though_complex"], ids=lambda case: case["password"]
)
@pytest.mark.parametrize("policy", [WITH_MFA, WITHOUT_LENGTH], ids=["8", "10"])
def test_a_predictable_password_is_refused_however_complex_it_looks(
    case: dict[str, Any], policy: PasswordPolicy
) -> None:
    password = (
        case["password"]
        .replace("{app name}", "Lighthouse")
        .replace("{local part of e-mail}", "ada.lovelace")
        .replace("{e-mail address}", "ada.lovelace@example.com")
        .replace("{user name reversed}", "adalovelace"[::-1])
    )
    context = ("ada.lovelace@example.com", "Ada Lovelace", "Lighthouse")

    assert weakness(policy, password, context=context) in {"common", "predictable", "personal"}


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case["kind"] == "good_but_fails_composition_rules"],
    ids=lambda case: case["password"],
)
def test_a_passphrase_needs_no_capital_digit_or_sign(case: dict[str, Any]) -> None:
    assert weakness(POLICY, case["password"], context=("ada@example.com", "Ada Lovelace")) is None


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaaaaa", "123456789012345", "098765432109876", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjkl",
        "1q2w3e4r5t6y7u8i9o0p", "zaq12wsxcde34rfv", "passwordpassword", "Password2026!!!", "P@55w0rd!P@55w0rd!",
        "xkfpxkfpxkfpxkfp", "112233445566778899", "abc123abc123abc123", "iloveyou20262026", "!!!!!!!!!!!!!!!!",
        "dragon1111111111", "monkey 1987 1987", "letmeinletmein1", "Summer2025Summer2026",
    ],
)  # fmt: skip
def test_runs_sequences_keyboard_walks_repetitions_and_decorated_words_are_refused(password: str) -> None:
    assert weakness(POLICY, password) in {"common", "predictable"}


@pytest.mark.parametrize(
    "password",
    [
        "adalovelace1815", "Ada.Lovelace.2026", "ecalevolada!!!!!", "lovelace-lovelace-1", "4d4l0v3l4c3!2026",
        "ada.lovelace@example.com", "LighthouseLighthouse", "Lighthouse2026!!",
    ],
)  # fmt: skip
def test_the_persons_and_the_services_own_words_are_refused(password: str) -> None:
    policy = PasswordPolicy(PasswordSettings(context_words=("Lighthouse",)))

    assert weakness(policy, password, context=("ada.lovelace@example.com", "Ada Lovelace")) in {
        "personal", "predictable",
    }  # fmt: skip


def test_personal_is_said_when_the_persons_words_are_why() -> None:
    assert weakness(POLICY, "adalovelace1815", context=("ada.lovelace@example.com",)) == "personal"
    assert weakness(POLICY, "adalovelace1815-zebra") is None


def test_a_short_name_in_a_long_password_does_no_harm() -> None:
    assert weakness(POLICY, "zq8 lantern undone petrol", context=("Li", "un@example.com", "", "@", "...")) is None


def test_random_passwords_are_accepted() -> None:
    chance = random.Random(20261123)
    alphabet = string.ascii_letters + string.digits
    refused = [
        password
        for password in ("".join(chance.choices(alphabet, k=15)) for _ in range(500))
        if weakness(POLICY, password)
    ]
    refused_short = [
        password
        for password in ("".join(chance.choices(alphabet, k=8)) for _ in range(500))
        if weakness(WITH_MFA, password)
    ]

    assert refused == []
    assert len(refused_short) <= 5


def test_any_three_words_are_accepted_and_two_common_ones_are_not() -> None:
    assert weakness(POLICY, "monkey-dragon-sunshine") is None
    assert weakness(POLICY, "monkey-sunshine") == "predictable"


@pytest.mark.parametrize("password", [case["password"] for case in CASES if "password" in case], ids=ascii)
def test_a_refusal_never_holds_the_password_and_every_answer_is_a_422(password: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        PasswordPolicy(PasswordSettings(min_length=64)).refuse_weak(SecretStr(password))

    status, _, body = problem(None, refused.value)
    assert status == 422
    assert json.loads(body)["code"] == "weak_password"
    assert json.loads(body)["reason"] == refused.value.weakness
    if len(password) > 4:
        assert password not in str(refused.value)
        assert password not in json.loads(body)["detail"]


def test_the_text_says_why_and_what_to_do() -> None:
    with pytest.raises(WeakPassword) as short:
        POLICY.refuse_weak("short")
    with pytest.raises(WeakPassword) as common:
        POLICY.refuse_weak("manchesterunited")

    assert short.value.public == (
        "Use at least 15 characters. Several unrelated words, or a password manager, make a good one."
    )
    assert common.value.public.startswith("This is one of the most common passwords")
    assert WeakPassword.public.startswith("Choose another password.")


@pytest.mark.parametrize("password", ["@4830$5796!1" * 21, "dragonmonkey" * 21, "\u00df" * 256, "1!" * 128])
def test_work_is_bounded_for_the_longest_password(password: str) -> None:
    lookups = 0

    class Counting:
        def __contains__(self, word: object) -> bool:
            nonlocal lookups
            lookups += 1
            return word in shipped()

    read(password[:256], common=Counting(), personal=["ada", "lovelace"], enough=8)

    # Each of at most 256 places, 17 lengths, three spellings; usually the first window of 64 decides.
    assert lookups <= 256 * 17 * 3


@pytest.mark.parametrize(
    ("password", "count"),
    [
        ("", 0), ("x", 1), ("xkq7", 4), ("monkey", 3), ("m0nk3y", 3), ("aaaaaaa", 1), ("7654321", 1), ("8901234", 1),
        ("1999", 1), ("1899", 4), ("qwertyui", 1), ("1q2w3e", 3), ("xyxyxyxy", 2), ("a1b2c3d4", 2),
        ("correct horse battery staple", 15), ("welcome2026!!!", 5),
    ],
)  # fmt: skip
def test_what_a_password_counts(password: str, count: int) -> None:
    assert read(password, common=shipped(), enough=99).count == count
