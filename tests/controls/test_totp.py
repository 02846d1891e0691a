"""TOTP as RFC 6238 and RFC 4226 have it, checked against their own vectors and against another implementation."""

from __future__ import annotations

import random
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from fastness.controls import totp

RFC = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    # RFC 6238 appendix B has eight digits; the last six are the same number modulo 10^6.
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"),
     (20000000000, "353130")],
)  # fmt: skip
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    assert totp.code(RFC, totp.step_at(seconds)) == code


@pytest.mark.parametrize(
    ("counter", "code"),
    [(0, "755224"), (1, "287082"), (2, "359152"), (3, "969429"), (4, "338314"), (5, "254676"), (6, "287922"),
     (7, "162583"), (8, "399871"), (9, "520489")],
)  # fmt: skip
def test_the_vectors_of_rfc_4226(counter: int, code: str) -> None:
    assert totp.code(RFC, counter) == code


def test_a_code_counts_in_its_own_thirty_seconds_and_in_no_other() -> None:
    seed, now = totp.new_seed(), 1_000_000_020.0
    code = totp.code(seed, totp.step_at(now))

    assert totp.match(seed, code, now=now) == totp.step_at(now)
    assert [totp.match(seed, code, now=now + off) for off in (-30, 30)] == [None, None]
    assert [totp.match(seed, code, now=now + off, skew=1) for off in (-30, 30)] == [totp.step_at(now)] * 2
    assert [totp.match(seed, code, now=now + off, skew=1) for off in (-60, 60)] == [None, None]


@pytest.mark.parametrize("odd", ["", "12345", "1234567", "１２３４５６", "\ud800", "abcdef", "0" * 10_000])
def test_what_is_no_code_matches_nothing_and_is_no_error(odd: str) -> None:
    assert totp.match(totp.new_seed(), odd, now=1_000_000_000.0) is None


def test_a_guess_hits_once_in_a_million() -> None:
    chance = random.Random(7)
    seed = RFC

    hits = sum(totp.match(seed, f"{chance.randrange(10**6):06d}", now=30.0 * n) is not None for n in range(20_000))

    assert hits <= 2


def test_the_link_holds_what_an_app_needs_and_nothing_breaks_out_of_it() -> None:
    link = totp.uri(RFC, issuer="A&B: ?x=1", account="ada+1@example.com")
    parts = urlsplit(link)

    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/A&B: ?x=1:ada+1@example.com"
    assert parse_qs(parts.query) == {
        "secret": [totp.spelled(RFC)], "issuer": ["A&B: ?x=1"], "digits": ["6"], "period": ["30"],
    }  # fmt: skip
    assert totp.spelled(RFC) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def test_the_qr_code_is_an_svg_without_scripts_or_references() -> None:
    drawn = totp.qr(totp.uri(totp.new_seed(), issuer="Service", account="ada@example.com"))

    assert drawn.startswith("<svg")
    assert not any(word in drawn for word in ("script", "href", "onload", "GEZD"))
    assert len(drawn) < 10_000


def test_seeds_are_long_and_never_the_same() -> None:
    assert {len(totp.new_seed()) for _ in range(10)} == {20}
    assert len({totp.new_seed() for _ in range(100)}) == 100
