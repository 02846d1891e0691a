"""HTML that is small to send and large to read is refused before it is read; what editors write is not."""

from __future__ import annotations

import contextlib
import re
import time
from typing import Any

import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from fastness.controls.fields import HtmlText
from fastness.controls.fields.nesting import MOST_TAGS, too_tangled

FORMATTING = ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
LINK = '<a href="https://example.com/a?b=1&amp;c=2" target="_blank" rel="noopener">a link</a>'
TANGLED = {
    "different emphasis": "<p>" + "".join(f"<b {n:x}>" for n in range(850)) + "<p>x" * 900,
    "not closed": "<p>" + "<i x>" * 13 + "<p>x" * 900,
    "many attributes in one": "<p><font " + " ".join(f"a{n}" for n in range(25)) + ">" + "<p>x" * 900,
    "closed in a comment": "<p>" + "".join(f"<b {n}><!--</b>-->" for n in range(40)) + "<p>x" * 900,
    "closed in an attribute": "<p>" + "".join(f'<b {n}><i x="</b>"></i>' for n in range(40)) + "<p>x" * 900,
    "closed in a script": "<p>" + "".join(f"<b {n}><script></b></script>" for n in range(40)) + "<p>x" * 900,
    "closed beyond a table": "<p>" + "".join(f"<b {n}><table></b></table>" for n in range(40)) + "<p>x" * 900,
    "closed by a look-alike": "<p>" + "".join(f"<strike {n}></stri\u212ae>" for n in range(40)) + "<p>x" * 900,
    "hidden in an attribute that is none": '<!-- <a x=" --><p>' + "<b 1>" * 40 + '<!-- "> -->',
    "links over deep blocks": ("<li><a>" + "<div>" * 9) * 30 + "<li>x" * 900,
    "attributes of one tag": "<p " + " ".join(f"a{n}" for n in range(1_100)) + ">",
    "attributes without a space": "<p " + "a=''" * 60 + ">",
    "attributes of html": "".join(f"<html a{n} b{n} c{n}>" for n in range(500)),
    "tags inside of tags": ("<a/x=" * 1_900 + "a" * 90_000),
}
ARTICLE = "".join(
    f"<p>Some words with {LINK}{' and <strong><em>more</em></strong> in <code>it</code>' * (n % 3 == 0)}.</p>"
    for n in range(300)
)
EDITORS = {
    "article": ARTICLE,
    "blocks in a link": '<div class="card"><a href="https://a.example"><h3>a</h3><p>b</p></a></div>' * 150,
    "google docs": f'<b style="font-weight:normal" id="docs-1">{f"<p dir=ltr><span>a</span>{LINK}</p><br />" * 150}</b>',
    "word": "<html xmlns:o='urn:o' xmlns:w='urn:w' xmlns='http://www.w3.org/TR/REC-html40'>"
    + "<p class=MsoNormal><b style='x:y'><span lang=EN style='f:\"T\"'>c<o:p></o:p></span></b><i><![if !supportLists]>1.</i>"
    * 99,
    "outlook": f'<div><font face="Arial" size="2">a {LINK}<font color="blue"><u>b</u></font></font></div>' * 120,
    "ends left out": "<p>a <b>b</b><br>c<ul><li>d<li>e <i>f</i></ul>" * 90,
    "tables": "<table><tbody><tr><td><strong>a</strong></td><td>&nbsp;</td></tr></tbody></table>" * 150,
}
TOKENS = st.sampled_from(
    [f"<{name}{more}>" for name in ("a", "b", "font", "nobr") for more in ("", " x", " y=z")] * 2
    + [f"</{name}>" for name in ("a", "b", "font", "nobr")] * 6
    + [f"<{end}{name}>" for end in ("", "/") for name in (
        "p", "div", "li", "table", "tr", "td", "caption", "select", "option", "svg", "math", "mi", "desc", "template",
        "object", "button", "h1", "span", "form", "textarea", "style", "noscript", "o:p", "body", "hr",
    )]
    + ["x", "<!--x-->", "<![if y]>", "<!-->", "<!-- ", "-->", '<i x="', '">', "<![CDATA[", "]]>", "</ ", ">"]
)  # fmt: skip


def reopened(html: str) -> int:
    """In how many formatting elements the parser puts a paragraph that follows."""
    kept = nh3.Cleaner(tags={"p", *FORMATTING}, attributes={}, clean_content_tags=set(), link_rel=None).clean(
        html + "</table></table></table></div></div><p>here"
    )
    stack: list[str] = []
    before, found, _ = kept.rpartition("here")
    for end, name in re.findall(r"<(/?)([a-z0-9]+)[^>]*>", before if found else ""):
        while end and stack and stack.pop() != name:
            pass
        if not end:
            stack.append(name)
    return len([name for name in stack if name != "p"])


@pytest.mark.parametrize("name", list(TANGLED))
def test_what_few_bytes_would_make_of_many_elements_is_refused_unread(name: str) -> None:
    field: Any = HtmlText(100_000)
    field._cleaner = None

    with pytest.raises(PydanticCustomError, match="should close its tags"):
        field.clean(TANGLED[name])


@pytest.mark.parametrize("name", list(EDITORS))
def test_what_editors_write_is_kept(name: str) -> None:
    field = HtmlText(100_000)

    kept = field.clean(EDITORS[name])

    assert 1_000 < EDITORS[name].count("<") < MOST_TAGS or name in {"ends left out", "word"}
    assert field.clean(kept) == kept != ""


@given(st.lists(TOKENS, max_size=40))
@settings(max_examples=1_000, deadline=None)
def test_what_the_parser_would_open_again_is_counted(tokens: list[str]) -> None:
    html = "".join(tokens)

    # With as many before as would just be borne without it: whoever is one behind is seen.
    assert reopened(html) == 0 or too_tangled("<tt>" * (25 - reopened(html)) + html)


@pytest.mark.parametrize(
    "unit", ["<div>", "<b></b><div>", "<table>x", "<svg><desc>", "<a href=//x>y</a>", "<h1><p>x", "<td>"]
)
def test_the_most_that_is_read_takes_milliseconds(unit: str) -> None:
    field, html = HtmlText(100_000), "<p>" + "<b>" * 3 + unit * ((MOST_TAGS - 4) // unit.count("<"))

    begun = time.thread_time()
    with contextlib.suppress(PydanticCustomError):
        field.clean(html)

    assert time.thread_time() - begun < 0.25
