"""Text with markup, from people: cleaned once at the door by a proven sanitiser (ASVS 1.3.1, CWE-79).

nh3 is the Python face of ammonia: it parses as a browser does, keeps what is on a list and writes it anew.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from fastness.controls.fields.nesting import MOST_TAGS, too_tangled
from fastness.controls.fields.text import Checked, wrong
from fastness.core.characters import hidden, joins_letters
from fastness.core.errors import MissingExtra

_TAGS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "b", "strong", "i", "em", "u", "s", "del", "ins", "sub", "sup", "mark", "small", "code", "pre", "kbd", "samp",
            "p", "br", "hr", "blockquote", "q", "ul", "ol", "li", "dl", "dt", "dd",
            "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tfoot", "tr",
        ),
        frozenset[str](),
    ),
    "a": frozenset({"href", "title"}),
    "abbr": frozenset({"title"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
}  # fmt: skip
_IMAGE = {"img": frozenset({"src", "alt", "title", "width", "height"})}
_ROUNDS = 4
_LISTING = re.compile(r'<pre>\n|<(?:[^">]++|"[^"]*+")*+>')  # the second, since an attribute may hold the first
_WITH_CONTENT = {"script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "form"}


class HtmlText:
    """`Annotated[str, HtmlText(10_000)]`: at most `longest` characters of HTML, of which only harmless markup stays.

    Kept: paragraphs, lists, tables, headings, emphasis, code, quotations, and links to `https`, `http` and `mailto`,
    which get `rel="noopener noreferrer nofollow ugc"`. Everything else goes: scripts and styles with their content,
    other tags without it, every `on...`, `style`, `class` and `id`. Relative links go too: they would point into your
    own site. `images=True` keeps `img` with an `https` source, which tells a stranger who reads the page.

    The result is HTML: put it into a page unescaped, in an element's content and nowhere else.
    """

    def __init__(self, longest: int, *, images: bool = False) -> None:
        """`longest` in characters, for what is sent and for what is kept.

        Raises:
            ValueError: `longest` is less than 1.
            MissingExtra: nh3 is not installed.
        """
        if longest < 1:
            raise ValueError("HtmlText needs longest >= 1")
        try:
            nh3 = importlib.import_module("nh3")
        except ImportError:
            raise MissingExtra("HtmlText", "service") from None
        tags = {**_TAGS, **(_IMAGE if images else {})}
        self.longest = longest
        self._cleaner: Any = nh3.Cleaner(
            tags=set(tags),
            attributes={tag: set(names) for tag, names in tags.items() if names},
            attribute_filter=_plain_urls,
            clean_content_tags=_WITH_CONTENT,
            url_schemes={"https", "http", "mailto"},
            link_rel="noopener noreferrer nofollow ugc",
            strip_comments=True,
            url_relative="deny",
        )

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return self._checked().__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self._checked().__get_pydantic_json_schema__(schema, handler)

    def _checked(self) -> Checked:
        return Checked(self.clean, {"contentMediaType": "text/html", "minLength": 0, "maxLength": self.longest})

    def clean(self, value: str) -> str:
        """The HTML to keep; the same when it is cleaned again.

        Raises:
            PydanticCustomError: type `fastness_html` or `fastness_text_characters`.
        """
        self._check(value)
        # A link in a table in a link is written as it was read, and read as something else.
        for _ in range(_ROUNDS):
            cleaned = _LISTING.sub(_with_its_line, self._cleaner.clean(value)).strip()
            if cleaned == value:
                return cleaned
            self._check(cleaned)
            value = cleaned
        raise wrong("html", "HTML should not be read differently each time")

    def _check(self, value: str) -> None:
        if len(value) > self.longest:
            raise wrong("html", f"HTML should have at most {self.longest} characters, before and after cleaning")
        if value.count("<") > MOST_TAGS:
            raise wrong("html", f"HTML should have at most {MOST_TAGS} tags, before and after cleaning")
        if too_tangled(value):
            raise wrong("html", "HTML should close its tags, and have few attributes in each")
        for place, character in enumerate(value):
            if hidden(character) and character not in "\n\r\t\u00a0" and not joins_letters(value, place):
                raise wrong("text_characters", "Text should have no control, direction or invisible characters")


def _with_its_line(tag: re.Match[str]) -> str:
    # A parser drops the line feed behind the tag, and the library writes none.
    return tag[0] + "\n" if tag[0] == "<pre>\n" else tag[0]


def _plain_urls(tag: str, attribute: str, value: str) -> str | None:
    if attribute not in {"href", "src"}:
        return value
    # Browsers drop tabs and line feeds inside a URL; whatever reads the page next may not.
    if any(character <= " " for character in value):
        return None
    return None if tag == "img" and not value.lower().startswith("https://") else value
