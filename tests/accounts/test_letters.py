"""The words of mails: whole, replaceable, and with nothing that a stranger wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounts.serving import serving
from fastness.accounts.letters import OURS, Letters
from fastness.accounts.models import Code
from fastness.accounts.settings import AccountSettings

pytestmark = pytest.mark.anyio

CODE = Code("token-of-the-link", "12345678")
SETTINGS = AccountSettings(verify_link="https://app.example.com/verify")


def test_text_and_html_carry_the_same_words_code_and_link() -> None:
    letter = Letters(SETTINGS).verify("ada@example.com", CODE)

    link = "https://app.example.com/verify#token=token-of-the-link"
    assert letter.subject == "Confirm your e-mail address"
    assert "\nYour code: 12345678\n" in letter.text
    assert f"Or open this link: {link}\n" in letter.text
    assert "Your code: 12345678" in letter.html
    assert f'<a href="{link}" rel="noopener noreferrer">' in letter.html


def test_without_a_page_there_is_no_link() -> None:
    letter = Letters(AccountSettings()).verify("ada@example.com", CODE)

    assert "link" not in letter.text
    assert "token-of-the-link" not in letter.text + letter.html


def test_html_escapes_what_it_is_given() -> None:
    letter = Letters(SETTINGS).session_reused("ada@example.com", at=0.0, address="<script>alert(1)</script>")

    assert "<script>" not in letter.html
    assert "1 January 1970, 00:00 UTC" in letter.text.replace("01 January", "1 January")


def test_an_operators_template_takes_the_place_of_ours_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "verify.txt").write_text("Subject: Willkommen\nIhr Code: {{ code }}\n")
    (tmp_path / "verify.html").write_text("<b>{{ code }}</b>")
    letters = Letters(SETTINGS, folder=tmp_path)

    verify, taken = letters.verify("ada@example.com", CODE), letters.already_registered("ada@example.com")

    assert (verify.subject, verify.text, verify.html) == ("Willkommen", "Ihr Code: 12345678\n", "<b>12345678</b>")
    assert taken.subject == "You already have an account"


@pytest.mark.parametrize(
    "broken",
    ["Subject: x\n{{ no_such_value }}", "Subject: x\n{% if %}", "no subject\n", "Subject: x\n{% include 'no' %}"],
)
async def test_a_template_that_cannot_be_used_stops_the_start(tmp_path: Path, broken: str) -> None:
    (tmp_path / "verify.txt").write_text(broken)

    with pytest.raises(RuntimeError, match=r"mail template verify\.txt"):
        async with serving("sqlite:///:memory:", settings={"mail": {"templates": str(tmp_path)}}):
            raise AssertionError("it started")


def test_every_template_of_the_package_has_a_letter_and_can_be_used() -> None:
    letters = Letters(SETTINGS)
    names = {file.stem for file in OURS.glob("*.txt") if not file.stem.startswith("_")}

    assert letters.problems() == []
    assert {name for name in names if not callable(getattr(Letters, name, None))} == set()
