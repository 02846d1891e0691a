"""E-mail addresses: one mailbox has one form, two mailboxes have two."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import email_validator
import pytest
from pydantic import TypeAdapter, ValidationError

from fastness.controls.fields import Email, canonical_email

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
EMAIL: TypeAdapter[str] = TypeAdapter(Email)

ADDRESSES: list[dict[str, str]] = json.loads((ATTACKS / "email_addresses.json").read_text("utf-8"))
COLLISIONS: list[dict[str, Any]] = json.loads((ATTACKS / "unicode_ascii_collisions.json").read_text("utf-8"))
REDOS = [x for x in json.loads((ATTACKS / "redos.json").read_text("utf-8")) if x["target"] == "email"]

# Valid by RFC 5321, refused by policy: nobody has a mailbox right under a top-level domain.
WITHOUT_DOT = {"test@io"}


def accepted(address: str) -> str | None:
    try:
        return EMAIL.validate_python(address)
    except ValidationError as error:
        assert error.errors()[0]["type"].startswith("fastness_")  # noqa: PT017 - a helper of every test
        assert len(address) < 4 or address not in error.errors(include_input=False)[0]["msg"]  # noqa: PT017 - a helper of every test
        return None


def shown(case: dict[str, str]) -> str:
    return ascii(case["address"][:40])


@pytest.mark.parametrize("case", [x for x in ADDRESSES if x.get("category") == "ISEMAIL_ERR"], ids=shown)
def test_what_no_standard_allows_is_refused(case: dict[str, str]) -> None:
    assert accepted(case["address"]) is None


@pytest.mark.parametrize(
    "case",
    [
        x
        for x in ADDRESSES
        if x.get("category") in {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"} and x["address"] not in WITHOUT_DOT
    ],
    ids=shown,
)
def test_ordinary_addresses_are_accepted_unchanged(case: dict[str, str]) -> None:
    assert accepted(case["address"]) == case["address"]


@pytest.mark.parametrize(
    "case",
    [
        x
        for x in ADDRESSES
        if x.get("category") in {"ISEMAIL_RFC5321", "ISEMAIL_RFC5322", "ISEMAIL_DEPREC"} or x["address"] in WITHOUT_DOT
    ],
    ids=shown,
)
def test_exotic_forms_that_a_standard_allows_are_refused_by_policy(case: dict[str, str]) -> None:
    assert accepted(case["address"]) is None


@pytest.mark.parametrize("case", [x for x in ADDRESSES if x.get("category") == "ISEMAIL_CFWS"], ids=shown)
def test_of_comments_and_folding_only_plain_spaces_around_are_trimmed(case: dict[str, str]) -> None:
    plain = case["address"].strip(" ") == "test@iana.org"

    assert accepted(case["address"]) == ("test@iana.org" if plain else None)


@pytest.mark.parametrize("case", [x for x in ADDRESSES if "expect" in x], ids=shown)
def test_attack_addresses_meet_their_expectation(case: dict[str, str]) -> None:
    address, expect = case["address"], case["expect"]

    kept = accepted(address)

    if expect.startswith("never-same-as unless"):
        assert kept in {None, "alice@example.com"}
    elif expect.startswith("never-same-as"):
        assert kept is None or canonical_email(kept) != expect.split()[1]
        assert canonical_email(address) != expect.split()[1]
    elif expect.startswith("same-account-as"):
        assert kept is not None
        assert canonical_email(kept) == expect.split()[1]
    elif expect == "reject-or-trim":
        assert kept in {None, "alice@example.com"}
    elif expect.startswith("accept"):
        assert kept == address
    elif expect.startswith("reject"):
        assert kept is None


def test_four_spellings_of_one_address_have_one_form() -> None:
    typed = [
        "José@Example.com",
        "JOSÉ@EXAMPLE.COM",
        unicodedata.normalize("NFD", "josé@example.com"),
        "ｊｏｓé@example．com ",
    ]

    assert {canonical_email(x) for x in typed} == {"josé@example.com"}
    assert {canonical_email(str(accepted(x))) for x in typed} == {"josé@example.com"}


def test_one_domain_in_unicode_in_punycode_and_with_a_last_dot_has_one_form() -> None:
    typed = ["a@exämple.de", "a@EXÄMPLE.de", "a@xn--exmple-cua.de", "a@XN--EXMPLE-CUA.DE", "a@exämple.de."]

    assert {canonical_email(x) for x in typed} == {"a@xn--exmple-cua.de"}


def test_dots_and_tags_stay_since_only_the_server_knows_what_they_mean() -> None:
    typed = ["alice@gmail.com", "a.lice@gmail.com", "alice+shop@gmail.com"]

    assert len({canonical_email(x) for x in typed}) == 3


def test_the_canonical_form_of_a_canonical_form_is_itself() -> None:
    for address in [x["address"] for x in ADDRESSES] + [f"a{x['char']}b@example.com" for x in COLLISIONS]:
        once = canonical_email(address)

        assert canonical_email(once) == once


@pytest.mark.parametrize("place", ["{}dmin@example.com", "a{}min@example.com", "admi{}@example.com"])
def test_no_unicode_character_turns_into_another_mailbox(place: str) -> None:
    for collision in COLLISIONS:
        address = place.format(collision["char"])
        kept = accepted(address)
        if kept is None:
            continue

        full_width = "\uff01" <= collision["char"] <= "\uff5e"
        # NFC itself says that these are one character in two encodings (the Kelvin sign is a K).
        equivalent = unicodedata.normalize("NFC", collision["char"]) != collision["char"]
        if full_width or equivalent:
            assert kept.isascii(), "mapped before it was checked, and kept in that form"
        else:
            assert not canonical_email(kept).isascii(), collision["cp"]


def test_no_unicode_character_in_the_domain_reaches_another_domain() -> None:
    for collision in COLLISIONS:
        kept = accepted(f"alice@ex{collision['char']}mple.com")

        if kept is not None and not "\uff01" <= collision["char"] <= "\uff5e":
            assert "@xn--" in kept or unicodedata.normalize("NFC", collision["char"]).isascii(), collision["cp"]


@pytest.mark.parametrize("sign", ["\uff20", "\ufe6b", "@\u0338", "\u24d0", "@\uff20", "\uff20@"])
def test_nothing_but_one_plain_at_sign_parts_the_mailbox_from_the_domain(sign: str) -> None:
    assert accepted(f"alice{sign}example.com") is None
    assert accepted(f"alice@evil.example.org{sign}example.com") is None


@pytest.mark.parametrize(
    "address",
    [
        "\u0430lice@example.com",  # one Cyrillic letter among Latin ones
        "alice@ex\u0430mple.com",
        "alice@xn--pple-43d.com",  # the same, hidden in punycode
        "alice@xn--80ak6aa92e.com",  # a whole label of Cyrillic look-alikes under a Latin top-level domain
        "\u0430\u0440\u0440\u04cf\u0435@example.com",
        "\u0251lice@example.com",
        "p\u03b1ul@example.com",
    ],
)
def test_look_alike_letters_are_refused(address: str) -> None:
    assert accepted(address) is None


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("владимир@yandex.ru", "владимир@yandex.ru"),
        ("иван@пример.рф", "иван@xn--e1afmkfd.xn--p1ai"),
        ("山田たろう@例え.jp", "山田たろう@xn--r8jz45g.jp"),
        ("jörg@müller.de", "jörg@xn--mller-kva.de"),
        ("δημήτρης@example.gr", "δημήτρης@example.gr"),
    ],
)
def test_honest_addresses_in_other_scripts_are_accepted(address: str, kept: str) -> None:
    assert accepted(address) == kept


@pytest.mark.parametrize(
    "address",
    [
        "alice@example.com\n",
        "alice@example.com\r\nBcc: eve@example.org",
        "alice\t@example.com",
        "alice@exam\nple.com",
        "alice\x00@example.com",
        "alice\x7f@example.com",
        "alice\u2028@example.com",
        "\u202ealice@example.com",
        "ali\u00adce@example.com",
    ],
)
def test_control_and_invisible_characters_are_refused(address: str) -> None:
    assert accepted(address) is None


def test_header_injection_strings_never_get_through() -> None:
    for line in (ATTACKS / "header_injection.txt").read_text("utf-8").splitlines():
        for raw in (line, line.encode().decode("unicode_escape", "replace")):
            kept = accepted(f"alice@example.com{raw}")

            assert kept is None or kept.isprintable()


def test_long_input_never_reaches_a_parser_or_the_normaliser(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_on: list[int] = []

    def counting(real: Any, argument: int) -> Any:
        def call(*given: Any, **options: Any) -> Any:
            worked_on.append(len(given[argument]))
            return real(*given, **options)

        return call

    monkeypatch.setattr(email_validator, "validate_email", counting(email_validator.validate_email, 0))
    monkeypatch.setattr(unicodedata, "normalize", counting(unicodedata.normalize, 1))
    for case in [*REDOS, {"prefix": "a@", "repeat": "\u0301\u0323", "suffix": ".com", "count": 50_000}]:
        assert accepted(case["prefix"] + case["repeat"] * case["count"] + case["suffix"]) is None
    assert worked_on == []

    accepted("alice@example.com")
    assert 17 in worked_on


def test_the_canonical_form_of_what_is_no_address_costs_no_normalising(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delattr(unicodedata, "normalize")
        folded = canonical_email("A\u0301\u0323" * 100_000)

    assert folded == "a\u0301\u0323" * 100_000


@pytest.mark.parametrize("letter", ["\ufb01", "\u017f", "\u00aa", "\u00b2", "\u2460", "\U0001d41a", "\uff71", "\u2102"])
def test_compatibility_letters_in_the_local_part_are_refused(letter: str) -> None:
    assert accepted(f"{letter}lice@example.com") is None


def test_lengths_are_counted_in_bytes_as_mail_servers_do() -> None:
    assert accepted("é" * 32 + "@example.com") is not None
    assert accepted("é" * 33 + "@example.com") is None
    assert accepted("a" * 65 + "@example.com") is None


@pytest.mark.parametrize("value", [None, 1, True, b"alice@example.com", ["alice@example.com"], {"a": 1}])
def test_only_text_is_an_address(value: object) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(value)


def test_the_schema_says_format_and_lengths() -> None:
    schema = EMAIL.json_schema()

    assert (schema["type"], schema["format"], schema["maxLength"]) == ("string", "email", 254)
