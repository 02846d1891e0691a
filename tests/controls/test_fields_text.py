"""Names, plain text and passwords; and every corpus of hostile strings in every field type."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from fastness.controls.fields import (
    DisplayName,
    Email,
    FileName,
    HtmlText,
    NewPassword,
    Page,
    PageSize,
    PhoneNumber,
    PlainText,
    SafeRedirect,
    SafeUrl,
    Search,
)

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
NAME: TypeAdapter[str] = TypeAdapter(DisplayName)
TEXT: TypeAdapter[str] = TypeAdapter(Annotated[str, PlainText(200)])
LINES: TypeAdapter[str] = TypeAdapter(Annotated[str, PlainText(200, lines=True)])
PASSWORD: TypeAdapter[SecretStr] = TypeAdapter(NewPassword)


def lines(corpus: str) -> list[str]:
    return (ATTACKS / corpus).read_text("utf-8").splitlines()


HOSTILE = [
    *(x["s"] for x in json.loads((ATTACKS / "naughty_strings.json").read_text("utf-8"))),
    *lines("xss.txt"),
    *lines("sqli.txt"),
    *lines("crlf.txt"),
    *lines("command_injection.txt"),
    *lines("ldap.txt"),
    *lines("nosqli.txt"),
    *lines("ssi_esi.txt"),
    "\ud800",
    "a\udfffb",
    "\x00",
    "a\x00b",
    "\u202eevil",
    "\ufeff",
    "\U000e0041",
]


def accepted(adapter: TypeAdapter[str], value: object) -> str | None:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


@pytest.mark.parametrize(
    "annotation",
    [
        Email,
        DisplayName,
        Annotated[str, PlainText(200)],
        Annotated[str, PlainText(200, lines=True)],
        SafeUrl,
        SafeRedirect,
        NewPassword,
        Page,
        PageSize,
        Search,
        FileName,
        PhoneNumber,
        Annotated[str, HtmlText(10_000)],
    ],
    ids=[
        "email",
        "name",
        "text",
        "lines",
        "url",
        "redirect",
        "password",
        "page",
        "limit",
        "search",
        "file_name",
        "phone",
        "html",
    ],
)
def test_a_hostile_string_gives_a_clean_value_or_a_validation_error(annotation: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    for value in HOSTILE:
        try:
            kept = adapter.validate_python(value)
        except ValidationError as error:
            told = json.dumps(error.errors(include_input=False, include_url=False, include_context=False))
            assert len(value) < 12 or value not in json.loads(told)[0]["msg"]
            continue
        if isinstance(kept, str):
            assert not [x for x in kept if unicodedata.category(x) in {"Cc", "Cs", "Zl", "Zp"} and x not in "\n\t"]
            kept.encode()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("O'Brien-Smith, Jr.", "O'Brien-Smith, Jr."),
        ("Jose\u0301", "José"),
        ("山田 太郎", "山田 太郎"),
        ("محمد", "محمد"),
        ("علی\u200cرضا", "علی\u200cرضا"),  # the non-joiner that Persian spelling needs
        ("क्\u200dष", "क्\u200dष"),  # the joiner after a virama
        ("Đặng Thị Ngọc", "Đặng Thị Ngọc"),
        ("X", "X"),
        ("a" * 100, "a" * 100),
    ],
)
def test_people_are_called_what_they_are_called(typed: str, kept: str) -> None:
    assert accepted(NAME, typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "a" * 101,
        "a" * 10_000_000,
        "...",
        "Ada\nLovelace",
        "Ada\tLovelace",
        "Ada\x00",
        "\u202egnp.exe",
        "ad\u200dmin",
        "ad\u200bmin",
        "admin\u200c",
        "\u3164",
        "admin\u2800",
        "ad\u00admin",
        "ad\ufe0fmin",
        "admin\U000e0041",
        "ad\ue000min",
        "Ada\u2003Lovelace",
        "Z\u0351\u036b\u0343\u036a\u0302alg\u0489o",
        1,
        None,
        b"Ada",
        ["Ada"],
    ],
    ids=lambda x: ascii(x)[:30],
)
def test_a_name_hides_nothing(typed: object) -> None:
    assert accepted(NAME, typed) is None


def test_plain_text_is_one_line_unless_lines_are_asked_for() -> None:
    assert accepted(TEXT, "one\ntwo") is None
    assert accepted(LINES, "one\r\ntwo\n") == "one\ntwo"
    assert accepted(LINES, "one\rtwo") is None
    assert accepted(LINES, "one\ttwo") is None


def test_plain_text_is_counted_after_trimming_and_normalising() -> None:
    assert accepted(TEXT, " " + "e\u0301" * 200 + " ") == "é" * 200
    assert accepted(TEXT, "a" * 201) is None
    assert accepted(TEXT, "") == ""


def test_long_text_never_reaches_the_normaliser(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delattr(unicodedata, "normalize")
        kept = accepted(TEXT, "a\u0301\u0323" * 100_000)

    assert kept is None


@pytest.mark.parametrize("annotation", [Email, DisplayName, Annotated[str, PlainText(9)], SafeUrl, SafeRedirect])
def test_a_lone_surrogate_is_named_as_what_it_is(annotation: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(annotation).validate_python("\ud800")

    assert refusal.value.errors()[0]["type"] == "fastness_unicode"


@pytest.mark.parametrize(("longest", "shortest"), [(0, 0), (-1, 0), (5, 6), (5, -1)])
def test_plain_text_that_nothing_could_satisfy_is_refused_at_definition(longest: int, shortest: int) -> None:
    with pytest.raises(ValueError, match="PlainText needs"):
        PlainText(longest, shortest=shortest)


@pytest.mark.parametrize("typed", ["x", "a" * 256, "😀" * 256, "  spaced  ", "pass\x00word", "line\nfeed", "\u202e"])
def test_a_password_is_kept_to_the_last_byte(typed: str) -> None:
    assert PASSWORD.validate_python(typed).get_secret_value() == typed
    assert PASSWORD.validate_python(SecretStr(typed)).get_secret_value() == typed


@pytest.mark.parametrize(
    "typed", ["", "a" * 257, "x" * 10_000_000, "\ud800Aa1!aaaaaaaaa", 123456789012, True, None, ["a"]]
)
def test_a_password_that_cannot_be_hashed_whole_is_refused_without_showing_it(typed: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        PASSWORD.validate_python(typed)

    [error] = refusal.value.errors()
    assert error["type"].startswith("fastness_password")
    assert isinstance(error["input"], SecretStr)
    assert not typed or repr(typed)[:12] not in str(refusal.value)


class Registration(BaseModel):
    password: NewPassword


@pytest.mark.anyio
async def test_even_the_default_422_of_fastapi_does_not_echo_the_password() -> None:
    app = FastAPI()

    @app.post("/register")
    async def register(given: Registration) -> str:
        return str(given.password)

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        long = await client.post("/register", json={"password": "hunter2" * 40})
        number = await client.post("/register", json={"password": 20231123})
        good = await client.post("/register", json={"password": "hunter2"})

    assert (long.status_code, number.status_code, good.status_code) == (422, 422, 200)
    assert "hunter2" not in long.text + good.text
    assert "20231123" not in number.text


def test_a_password_is_masked_wherever_its_model_is_shown() -> None:
    given = Registration.model_validate({"password": "hunter2"})

    assert "hunter2" not in repr(given) + str(given) + given.model_dump_json() + str(given.model_dump())


@pytest.mark.parametrize(
    "annotation",
    [
        Email,
        DisplayName,
        Annotated[str, PlainText(9)],
        SafeUrl,
        SafeRedirect,
        NewPassword,
        Page,
        PageSize,
        FileName,
        PhoneNumber,
    ],
)
def test_every_type_may_be_optional(annotation: Any) -> None:
    assert TypeAdapter(annotation | None).validate_python(None) is None


def test_schemas_say_what_is_wanted() -> None:
    assert PASSWORD.json_schema() == {
        "type": "string",
        "format": "password",
        "writeOnly": True,
        "minLength": 1,
        "maxLength": 256,
    }
    assert NAME.json_schema() == {"type": "string", "minLength": 1, "maxLength": 100}
    assert TEXT.json_schema() == {"type": "string", "minLength": 0, "maxLength": 200}
