"""User names: what they may be, and which two are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from fastness.controls.fields import Username, canonical_username
from fastness.controls.fields.username import check_username

NAME: TypeAdapter[str] = TypeAdapter(Username)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("ada", "ada"),
        (" Ada.Lovelace ", "ada.lovelace"),
        ("ada-1815", "ada-1815"),
        ("ＡＤＡ", "ada"),
        ("Jürgen_Groß", "jürgen_gross"),
        ("лев.толстой", "лев.толстой"),
        ("山田太郎", "山田太郎"),
        ("أحمد", "أحمد"),
    ],
)
def test_a_name_is_kept_in_lower_case_and_one_spelling(given_name: str, kept: str) -> None:
    assert NAME.validate_python(given_name) == kept


@pytest.mark.parametrize(
    "refused",
    [
        "", "ab", "a" * 33, "a" * 10_000, "ada@example.com", "a b c", ".ada", "ada.", "a..da", "a-_da", "1815", "---",
        "a\u200bda", "ada\x00", "ada\n", "\u202eada", "рауpаl", "аdmin", "сосо", "ɑda", "ada\u0300" * 20, "ad\ud800a", "ada!",
    ],
)  # fmt: skip
def test_what_hides_mixes_or_is_no_name_is_refused_without_an_echo(refused: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NAME.validate_python(refused)

    [error] = caught.value.errors()
    assert error["type"] in {"fastness_username", "fastness_username_length", "fastness_unicode"}
    assert not refused.strip() or refused not in error["msg"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada.lovelace", "AdaLovelace"),
        ("admin", "adrnin"),
        ("paypal", "paypa1"),
        ("google", "g00gle"),
        ("wwilson", "vvwilson"),
        ("ada", "ａｄａ"),
        ("strasse", "straße"),
    ],
)
def test_names_that_a_reader_takes_for_one_another_are_one(one: str, other: str) -> None:
    assert canonical_username(one) == canonical_username(other)


@pytest.mark.parametrize(("one", "other"), [("ali", "all"), ("ada", "adam"), ("jurgen", "jürgen")])
def test_different_names_stay_different(one: str, other: str) -> None:
    assert canonical_username(one) != canonical_username(other)


@given(st.text(max_size=40))
def test_what_is_kept_is_kept_again_and_has_the_form_of_what_was_given(text: str) -> None:
    try:
        kept = check_username(text)
    except PydanticCustomError:
        canonical_username(text)
        return

    assert check_username(kept) == kept
    assert canonical_username(kept) == canonical_username(text)
    assert "@" not in kept
