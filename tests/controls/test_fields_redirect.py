"""Where to go next: always on this site."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from pydantic import TypeAdapter, ValidationError

from fastness.controls.fields import SafeRedirect

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
TARGETS = (ATTACKS / "open_redirect.txt").read_text("utf-8").splitlines()
REDIRECT: TypeAdapter[str] = TypeAdapter(SafeRedirect)
SITE = "https://site.example/sign-in"


def accepted(target: str) -> str | None:
    try:
        return REDIRECT.validate_python(target)
    except ValidationError as error:
        assert {x["type"] for x in error.errors()} <= {"fastness_redirect", "fastness_unicode"}  # noqa: PT017 - a helper of every test
        return None


def where_a_browser_goes(target: str) -> str | None:
    """WHATWG URL section 4.4: tabs and line feeds are dropped, a backslash is a slash, slashes in a row are two."""
    seen = re.sub(r"[\t\r\n]", "", target.strip("\x00\x01\x1f ")).replace("\\", "/")
    if seen.startswith("//"):
        seen = "//" + seen.lstrip("/")
    return urlsplit(urljoin(SITE, seen)).hostname


def where_a_careless_proxy_goes(target: str) -> str | None:
    path = re.split("[?#]", target)[0]
    for _ in range(5):
        path = unquote(path)
    return where_a_browser_goes(re.sub(r"^/[\t\r\n]*", "/", path))


@pytest.mark.parametrize("target", TARGETS, ids=ascii)
def test_no_published_redirect_leaves_the_site(target: str) -> None:
    kept = accepted(target)

    assert kept is None or (kept == target and where_a_browser_goes(kept) == "site.example")
    assert kept is None or where_a_careless_proxy_goes(kept) == "site.example"


def test_of_the_published_redirects_only_paths_with_a_foreign_query_are_accepted() -> None:
    kept = [target for target in TARGETS if accepted(target)]

    assert all(re.match(r"/(redirect)?\?url=", target) for target in kept if target != "/.example.com")
    assert len(kept) == 7


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/account",
        "/orders/42?tab=items&page=2#last",
        "/wiki/Special:Search?q=a%2Fb%26c",
        "/caf%C3%A9/menu%20of%20the%20day",
        "/oauth/authorize?redirect_uri=https%3A%2F%2Fclient.example%2Fcb",
        "/.well-known/change-password",
        "/a-b_c~d.e/(f)!$'*+,;=@",
        "/#/inbox",
    ],
)
def test_ordinary_paths_are_accepted_unchanged(target: str) -> None:
    assert accepted(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "account",
        "?next=1",
        "#top",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "\x00//evil.example",
        "/%2fevil.example",
        "/%252fevil.example",
        "/%25252525252fevil.example",
        "/%5cevil.example",
        "/%255cevil.example",
        "/%09/evil.example",
        "/%0d%0aLocation:%20https://evil.example",
        "/a/%00",
        "/a/..//evil.example",
        "/./%2fevil.example",
        "/../evil.example",
        "/%2e%2e/evil.example",
        "/a//b",
        "https:evil.example",
        "https://site.example/account",
        "javascript:alert(1)",
        "/javascript:alert(1)",
        "/\u3031evil.example",
        "/\uff0fevil.example",
        "/account\u2028",
        "/a b",
        "/a%",
        "/a%zz",
        "/<script>",
        '/"onmouseover=',
        "/\ud800",
        "/" + "a" * 2048,
    ],
    ids=ascii,
)
def test_everything_else_is_refused(target: str) -> None:
    assert accepted(target) is None


def test_a_long_target_costs_one_look_at_its_length() -> None:
    for tail in ("%25" * 10_000_000, "/" * 10_000_000):
        assert accepted("/a" + tail) is None


def test_the_schema_says_that_a_path_is_wanted() -> None:
    assert REDIRECT.json_schema()["pattern"] == "^/"
