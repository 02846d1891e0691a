"""Absolute URLs that every parser reads the same way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import pytest
from pydantic import TypeAdapter, ValidationError

from fastness.controls.fields import SafeUrl, Url

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
URL: TypeAdapter[str] = TypeAdapter(SafeUrl)
WEB: TypeAdapter[str] = TypeAdapter(Annotated[str, Url(schemes=("https", "http"))])


def accepted(url: str, adapter: TypeAdapter[str] = URL) -> str | None:
    try:
        return adapter.validate_python(url)
    except ValidationError as error:
        assert {x["type"] for x in error.errors()} <= {"fastness_url", "fastness_unicode"}  # noqa: PT017 - a helper of every test
        return None


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com", "https://example.com"),
        ("HTTPS://Example.COM/Path?Q=1#F", "https://example.com/Path?Q=1#F"),
        ("https://example.com:8443/a%20b", "https://example.com:8443/a%20b"),
        ("https://xn--exmple-cua.de/", "https://xn--exmple-cua.de/"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
        ("https://192.0.2.1/", "https://192.0.2.1/"),
        ("https://example.com?a=b", "https://example.com?a=b"),
    ],
)
def test_full_urls_are_kept_with_scheme_and_host_in_lower_case(url: str, kept: str) -> None:
    assert accepted(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com",
        "/path",
        "http://example.com",
        "ftp://example.com",
        "javascript://example.com/%0aalert(1)",
        "https:example.com",
        "https:///example.com",
        "https://",
        "https://user@example.com",
        "https://user:secret@example.com",
        "https://example.com@evil.example",
        "https://example.com\\@evil.example",
        "https:\\\\example.com",
        "https://example.com\\path",
        " https://example.com",
        "https://example.com ",
        "https://exa mple.com",
        "https://example.com/\r\nSet-Cookie:a=b",
        "https://example.com/%0d%0aSet-Cookie:a=b",
        "https://example.com/%00",
        "https://example.com\x00.evil.example",
        "https://exämple.de",
        "https://example\u3002com",
        "https://example.com/\u202e",
        "https://example..com",
        "https://-example.com",
        "https://.",
        "https://example.com:99999",
        "https://example.com:",
        "https://example.com:80a",
        "https://[::1",
        "https://[zz]",
        "https://0x7f.1",
        "https://0x7f000001",
        "https://2130706433",
        "https://127.1",
        "https://0177.0.0.1",
        "https://example.com/%",
        "https://example.com/<script>",
        "https://" + "a." * 130 + "com",
        "https://example.com/" + "a" * 2048,
        "https://\ud800.example",
    ],
    ids=ascii,
)
def test_what_two_parsers_could_read_differently_is_refused(url: str) -> None:
    assert accepted(url) is None


@pytest.mark.parametrize("corpus", ["ssrf_urls.txt", "open_redirect.txt", "xss.txt", "crlf.txt"])
def test_hostile_urls_are_refused_or_read_the_same_by_the_standard_library(corpus: str) -> None:
    for line in (ATTACKS / corpus).read_text("utf-8").splitlines():
        kept = accepted(line, WEB)

        if kept is not None:
            seen = urlsplit(kept)
            assert seen.scheme in {"http", "https"}
            assert seen.hostname
            assert "@" not in seen.netloc
            assert kept.isascii()
            assert kept.isprintable()
            assert kept.lower() == line.lower()


def test_hostile_long_urls_are_refused_by_their_length() -> None:
    for case in json.loads((ATTACKS / "redos.json").read_text("utf-8")):
        if case["target"] == "url":
            assert accepted(case["prefix"] + case["repeat"] * case["count"] + case["suffix"], WEB) is None


@pytest.mark.parametrize("schemes", [(), ("javascript",), ("https", "DATA"), ("file",)])
def test_dangerous_schemes_cannot_be_allowed(schemes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="scheme"):
        Url(schemes=schemes)


def test_the_schema_says_uri() -> None:
    assert URL.json_schema()["format"] == "uri"
