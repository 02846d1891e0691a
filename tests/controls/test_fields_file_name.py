"""File names: one name that every system reads the same way, or none."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fastness.controls.fields import FileName
from fastness.core.file_name import UnsafeName, extension, safe_file_name

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
TRAVERSALS = (ATTACKS / "path_traversal.txt").read_text("utf-8").split("\n")
NAUGHTY = [case["s"] for case in json.loads((ATTACKS / "naughty_strings.json").read_text("utf-8"))]
NAME: TypeAdapter[str] = TypeAdapter(FileName)
FOLDER = "/srv/files"


def accepted(value: object) -> str | None:
    try:
        return NAME.validate_python(value)
    except ValidationError:
        return None


def stays_in_its_folder(name: str) -> bool:
    return (
        (PurePosixPath(FOLDER) / name).parent == PurePosixPath(FOLDER)
        and PureWindowsPath(name).name == name
        and not PureWindowsPath(name).drive
        and ".." not in PurePosixPath(name).parts
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Report 2026.pdf", "Report 2026.pdf"),
        ("  photo.JPG ", "photo.JPG"),
        ("Jose\u0301.txt", "José.txt"),
        ("履歴書（最新）.docx", "履歴書（最新）.docx"),
        ("报告：第一章.docx", "报告：第一章.docx"),
        ("نمونه‌ها.txt", "نمونه‌ها.txt"),
        ("100%.txt", "100%.txt"),
        ("50% off & more (1).png", "50% off & more (1).png"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("README", "README"),
        ("my_file-v1.2+b.txt", "my_file-v1.2+b.txt"),
        ("family 👨‍👩‍👧.png", "family 👨‍👩‍👧.png"),
        ("❤️.png", "❤️.png"),
        ("console.log", "console.log"),
        ("com10.txt", "com10.txt"),
        ("a" * 251 + ".txt", "a" * 251 + ".txt"),
    ],
)
def test_files_are_called_what_people_call_them(typed: str, kept: str) -> None:
    assert accepted(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        ".",
        "..",
        "...",
        ".htaccess",
        "..\u2025",
        "\u2025passwd",
        "\uff0e\uff0epasswd",
        "name.",
        "-rf",
        "~root",
        "a/b",
        "a\\b",
        "C:\\boot.ini",
        "C:boot.ini",
        "file.txt:stream",
        "\\\\host\\share",
        "a\uff0fb",
        "a\u2215b",
        "a\u2044b",
        "a\uff3cb",
        "a\u2216b",
        "a\u00a5b",
        "a\u20a9b",
        "a%C2%A5b",
        "a\x00.png",
        "a\n.png",
        "a\r\nContent-Type: text/html",
        "a\x7fb",
        "a\u202egnp.exe",
        "a\u200b.png",
        "\ufeffa.png",
        "a\ue000",
        "\ud800",
        'a".png',
        "a*.png",
        "a?.png",
        "a|b",
        "<a>",
        "con",
        "CON.txt",
        "nul .tar.gz",
        "COM1",
        "lpt9.log",
        "COM\u00b9.txt",
        "conin$",
        "a%2fb",
        "a%252fb",
        "a%25252fb",
        "%2e%2e",
        "a%00.png",
        "a%c0%afb",
        "a%u2215b",
        "a" * 256,
        "é" * 128,
        "e\u0301" * 10_000_000,
        7,
        None,
        b"a.png",
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_name_that_systems_read_differently_is_refused(typed: object) -> None:
    assert accepted(typed) is None


def test_no_published_traversal_is_a_path() -> None:
    for line in TRAVERSALS:
        kept = accepted(line)
        if kept is None:
            continue
        decoded = kept
        for _ in range(3):
            decoded = unquote(decoded)
            assert stays_in_its_folder(decoded), ascii(line)
        assert not re.search(r"[/\\\x00-\x1f]|^\.", decoded)


def test_a_naughty_string_is_a_visible_name_or_none() -> None:
    for line in NAUGHTY:
        kept = accepted(line)
        if kept is not None:
            assert stays_in_its_folder(kept)
            assert not [x for x in kept if unicodedata.category(x) in {"Cc", "Cs", "Zl", "Zp"}]


def test_the_refusal_says_what_to_do_and_repeats_nothing() -> None:
    with pytest.raises(ValidationError) as refusal:
        NAME.validate_python("../../hunter2")

    [error] = refusal.value.errors(include_input=False, include_context=False)
    assert (error["type"], error["msg"]) == (
        "fastness_file_name",
        "Give a file name without its folder: no slashes or backslashes",
    )


@given(st.text(max_size=300))
def test_what_is_kept_is_one_component_of_a_path_and_stays_what_it_is(text: str) -> None:
    try:
        kept = safe_file_name(text)
    except UnsafeName:
        return

    assert stays_in_its_folder(kept)
    assert safe_file_name(kept) == kept == unicodedata.normalize("NFC", kept)
    assert 0 < len(kept.encode()) <= 255


def test_a_kept_name_can_be_written_and_read_back(tmp_path: Path) -> None:
    for line in [*NAUGHTY, *TRAVERSALS]:
        kept = accepted(line)
        if kept is not None:
            (tmp_path / kept).touch()
            assert [x.name for x in tmp_path.iterdir()] == [kept]
            (tmp_path / kept).unlink()


def test_the_extension_is_what_stands_after_the_last_dot() -> None:
    assert [extension(name) for name in ("a.PNG", "a.tar.gz", "README", "a.b.c.TXT")] == ["png", "gz", "", "txt"]


def test_the_document_says_what_is_wanted() -> None:
    assert NAME.json_schema() == {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "examples": ["Report 2026.pdf"],
    }
