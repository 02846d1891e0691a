"""Markup from people: what stays cannot run, and stays the same when it is cleaned again."""

from __future__ import annotations

import importlib
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from fastness.controls.fields import HtmlText
from fastness.core.errors import MissingExtra

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
HOSTILE = [
    *(ATTACKS / "xss.txt").read_text("utf-8").split("\n"),
    *(case["s"] for case in json.loads((ATTACKS / "naughty_strings.json").read_text("utf-8"))),
]
MUTATIONS = [
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<a href="java\tscript:alert(1)">x</a>',
    '<a href="&#106;avascript:alert(1)">x</a>',
    '<a href="https://ok.example" onclick="x" style="x">x</a>',
    '<xmp><p title="</xmp><svg/onload=alert(1)>">',
    "<!--><img src=x onerror=alert(1)>-->",
    "<p><![CDATA[<img src=x onerror=alert(1)>]]></p>",
    "<base href=https://evil.example><a href=x>x</a>",
    "<meta http-equiv=refresh content=0;url=https://evil.example>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
]  # fmt: skip
FIELD = HtmlText(10_000)
TEXT: TypeAdapter[str] = TypeAdapter(Annotated[str, FIELD])
ALLOWED = {
    "b", "strong", "i", "em", "u", "s", "del", "ins", "sub", "sup", "mark", "small", "code", "pre", "kbd", "samp", "p",
    "br", "hr", "blockquote", "q", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "table",
    "thead", "tbody", "tfoot", "tr", "td", "th", "a", "abbr",
}  # fmt: skip


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, "", ""), *((tag, name, value or "") for name, value in attrs)]


def cannot_run(html: str) -> bool:
    return all(
        tag in ALLOWED
        and name in {"", "href", "title", "rel", "colspan", "rowspan", "scope"}
        and (name != "href" or re.match(r"(https?://|mailto:)", value, re.IGNORECASE) is not None)
        for tag, name, value in Seen(html).found
    )


def accepted(value: object) -> str | None:
    try:
        return TEXT.validate_python(value)
    except ValidationError:
        return None


def test_no_published_script_survives_and_a_second_cleaning_changes_nothing() -> None:
    survivors = 0
    for line in [*HOSTILE, *MUTATIONS]:
        kept = accepted(line)
        if kept is not None:
            survivors += 1
            assert cannot_run(kept), ascii(line)
            assert FIELD.clean(kept) == kept

    assert survivors > 1_000


@given(st.text(alphabet="<>/\"'= abimgscriptonrefhx:&#;!-", max_size=200))
def test_what_is_kept_cannot_run(text: str) -> None:
    kept = accepted(text)

    assert kept is None or (cannot_run(kept) and FIELD.clean(kept) == kept)


def test_ordinary_markup_stays() -> None:
    html = "<h2>A</h2><p>b <em>c</em> &amp; <code>d</code></p><ul><li>e</li></ul>"

    assert accepted(html) == html
    assert accepted("a < b & c") == "a &lt; b &amp; c"
    assert accepted('<a href="https://a.example/?b=1">c</a>') == (
        '<a href="https://a.example/?b=1" rel="noopener noreferrer nofollow ugc">c</a>'
    )


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://x.y"><table><a href="https://x.y">',
        '<a href="https://x.y">a<table>b<a href="https://x.z">c<table>d<a>e',
        "<p><table><p>a</table>b",
        "<pre>\n\n\n\n\n\na</pre>",
        '<a title="<pre>\n\n\n">a</a>',
        "a&#13;b&#10;c&nbsp;",
        "<b><p>a<b>b</p>c",
        " <p>a</p>\n",
    ],
)
def test_what_is_kept_is_read_as_it_was_written(html: str) -> None:
    kept = FIELD.clean(html)

    assert FIELD.clean(kept) == kept


def test_the_lines_of_a_listing_stay() -> None:
    assert accepted("<pre>\n\n\n\n\n\na</pre>") == "<pre>\n\n\n\n\n\na</pre>"


def test_what_changes_whenever_it_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Growing:
        def clean(self, html: str) -> str:
            return html + "x"

    field = HtmlText(100)
    monkeypatch.setattr(field, "_cleaner", Growing())

    with pytest.raises(PydanticCustomError, match="read differently"):
        field.clean("a")


def test_the_text_of_scripts_and_styles_goes_with_them() -> None:
    assert accepted("a<script>alert(1)</script>b<style>*{}</style>c<svg><script>1</script></svg>d") == "abcd"


def test_links_to_anywhere_but_the_web_and_mail_lose_their_target() -> None:
    for target in ("javascript:alert(1)", "data:text/html,x", "/settings", "//evil.example", "file:///etc/passwd", "x"):
        assert accepted(f'<a href="{target}">x</a>') == '<a rel="noopener noreferrer nofollow ugc">x</a>'


def test_images_are_kept_only_where_they_were_asked_for_and_only_over_tls() -> None:
    with_images = HtmlText(1_000, images=True)
    picture = '<img src="https://a.example/b.png" alt="c">'

    assert accepted(picture) == ""
    assert with_images.clean(picture) == picture
    assert with_images.clean('<img src="http://a.example/b.png" onerror="x">') == "<img>"
    assert with_images.clean('<img src="data:image/svg+xml,x">') == "<img>"


@pytest.mark.parametrize(
    "value",
    [
        "a" * 10_001,
        "<p>" * 2_001,
        "<p>" * 1_001,
        "&" * 3_000,
        "a\u202eb",
        "a&#x202e;b",
        "<pre>&#8203;</pre>",
        "a\x00b",
        "\ud800",
        1,
        None,
    ],
)
def test_what_is_too_much_or_hidden_is_refused(value: object) -> None:
    assert accepted(value) is None


@pytest.mark.parametrize(
    "nested", ["<ul><li>", "<b><p>", "<table><tr><td>", "<a href=x>", "<font><p>", "<", "&", "<!--"]
)
def test_nesting_costs_no_more_than_the_longest_text_may(nested: str) -> None:
    field = HtmlText(100_000)
    text = (nested * 100_000)[:100_000]

    begun = time.perf_counter()
    try:
        field.clean(text)
        field.clean((nested * 999)[:100_000])
    except ValueError:
        pass

    assert time.perf_counter() - begun < 2


def test_the_document_says_what_is_wanted() -> None:
    assert TEXT.json_schema() == {
        "type": "string",
        "contentMediaType": "text/html",
        "minLength": 0,
        "maxLength": 10_000,
    }


def test_a_length_that_allows_nothing_is_refused_at_definition() -> None:
    with pytest.raises(ValueError, match="longest >= 1"):
        HtmlText(0)


def test_without_nh3_the_install_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, package: str | None = None) -> Any:
        raise ImportError(name)

    with monkeypatch.context() as patch:
        patch.setattr(importlib, "import_module", without)
        with pytest.raises(MissingExtra, match=re.escape('pip install "fastness[service]"')):
            HtmlText(10)
