"""Which pages are our own: exact origins, and no trick of the corpus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from by_hand import LOCAL, exchange
from fastness.core.exchange import Exchange
from fastness.core.origins import OwnOrigins

HOST = "app.example.com"
OURS = f"https://{HOST}"
CORPUS = json.loads((Path(__file__).parents[1] / "data/attacks/cors_origins.json").read_text(encoding="utf-8"))
TRICKS = [
    case["origin"]
    .replace("{host_dot_as_any}", "appXexample.com")
    .replace("{host_homoglyph}", "аpp.example.com")
    .replace("{host}", HOST)
    for case in CORPUS
]


def asking(*origins: str, host: str = HOST, scheme: str = "https") -> Exchange:
    headers = [(b"host", host.encode()), *((b"origin", origin.encode()) for origin in origins)]
    return exchange(method="POST", headers=headers, scheme=scheme)


@pytest.mark.parametrize("named", [[OURS], []], ids=["named", "by host"])
@pytest.mark.parametrize("trick", [trick for trick in TRICKS if trick], ids=lambda trick: trick[:30])
def test_no_origin_of_the_corpus_is_ours(trick: str, named: list[str]) -> None:
    assert not OwnOrigins(named).allow(asking(trick))


@pytest.mark.parametrize(
    "trick", ["", " ", OURS + " ", OURS.upper(), "https://app.example.com:443", OURS + ", " + OURS]
)
def test_an_origin_that_browsers_do_not_write_is_not_ours(trick: str) -> None:
    assert not OwnOrigins([OURS]).allow(asking(trick))
    assert not OwnOrigins([]).allow(asking(trick))


def test_our_origin_is_ours_once_and_a_missing_one_is_not() -> None:
    ours = OwnOrigins([OURS + "/accounts/", "https://Other.example.com:443"])

    assert ours.allow(asking(OURS))
    assert ours.allow(asking("https://other.example.com"))
    assert not ours.allow(asking())
    assert not ours.allow(asking(OURS, OURS))


def test_a_named_origin_replaces_the_host_of_the_request() -> None:
    assert not OwnOrigins(["https://example.com"]).allow(asking(OURS))


def test_without_a_name_the_host_decides_and_tls_is_never_lost() -> None:
    ours = OwnOrigins([])

    assert ours.allow(asking(OURS))
    assert ours.allow(asking(OURS, scheme="http"))
    assert ours.allow(asking(f"http://{HOST}", scheme="http"))
    assert ours.allow(asking(f"http://{HOST}", scheme="ws"))
    assert not ours.allow(asking(f"http://{HOST}", scheme="https"))
    assert not ours.allow(asking(f"http://{HOST}", scheme="wss"))
    assert not ours.allow(asking("https://app.example.com:8443"))
    assert not ours.allow(exchange(method="POST", headers=[(b"origin", b"https://")]))


@pytest.mark.parametrize(
    ("page", "ours"),
    [
        ("https://app.example.com", True), ("https://app.example.com/", True), ("https://app.example.com/a?b#c", True),
        ("https://app.example.com?x", True), ("https://app.example.com.evil.test/", False),
        ("https://evil.test/https://app.example.com/", False), ("https://app.example.com@evil.test/", False),
        ("https://app.example.com\\@evil.test/", False), ("http://app.example.com/", False), ("", False),
        ("https://app.example.com:444/", False), ("//app.example.com/", False), ("https:/app.example.com/", False),
    ],
)  # fmt: skip
def test_a_page_is_ours_by_its_whole_origin(page: str, ours: bool) -> None:  # noqa: FBT001
    assert OwnOrigins([OURS]).own_page(page.encode(), exchange(headers=[LOCAL])) is ours


@pytest.mark.parametrize("name", ["", "null", "*", "app.example.com", "ftp://app.example.com", "https://a b"])
def test_a_name_without_an_origin_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        OwnOrigins([name])
