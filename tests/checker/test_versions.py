"""Versions and ranges agree with the `packaging` library, which a plain installation does not have."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version as Reference

from fastness.checker.evidence.versions import NoVersionError, Range, Version

SAMPLES = [
    "0",
    "1",
    "1.0",
    "1.0.0",
    "1.0.1",
    "1.1",
    "1.10",
    "1.2",
    "2",
    "2.0rc1",
    "2.0a1",
    "2.0b2",
    "2.0.dev3",
    "2.0a1.dev2",
    "2.0.post1",
    "2.0.post1.dev1",
    "1!1.0",
    "1.0+local.1",
    "1.0+abc",
    "0.0.17",
    "0.0.9",
    "2026.1",
    "v1.3",
    "1.0-1",
    "1.0.RC2",
    "1.0preview3",
    "1_0",
]
RANGES = [
    ">=1.0",
    "<2",
    "<=1.0",
    ">1",
    "!=1.0",
    "==1.0",
    "==1.*",
    "!=1.*",
    "~=1.0",
    "~=1.0.1",
    ">=1,<2",
    ">=1.0,!=1.0.1,<2",
    "===1.0",
    "==1.0+local.1",
    "<2.0rc1",
    ">0.0.9",
]


def good(text: str) -> bool:
    try:
        Reference(text)
    except ValueError:
        return False
    return True


def test_the_order_is_that_of_pep_440() -> None:
    for one, other in itertools.product(filter(good, SAMPLES), repeat=2):
        mine, theirs = (Version.of(one), Version.of(other)), (Reference(one), Reference(other))

        assert (mine[0] < mine[1], mine[0] == mine[1]) == (theirs[0] < theirs[1], theirs[0] == theirs[1]), (one, other)


NUMBERS = st.integers(0, 120)
VERSIONS = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["", "", "1!", "2!"]),
    st.lists(NUMBERS, min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers))),
    st.sampled_from(["", "", "a0", "a1", "b1", "rc1", "rc2"]),
    st.sampled_from(["", "", ".post0", ".post1"]),
    st.sampled_from(["", "", ".dev0", ".dev4"]),
    st.sampled_from(["", "", "+1", "+a", "+1a"]),
)


@settings(deadline=None)  # other tests run beside it
@given(VERSIONS, VERSIONS)
def test_the_order_holds_for_any_two(one: str, other: str) -> None:
    assert (Version.of(one) < Version.of(other)) == (Reference(one) < Reference(other))


@pytest.mark.parametrize("text", RANGES)
def test_a_range_admits_what_packaging_admits(text: str) -> None:
    for version in filter(good, SAMPLES):
        assert Range.of(text).admits(Version.of(version)) == SpecifierSet(text).contains(version, prereleases=True), (
            version
        )


@pytest.mark.parametrize("text", ["", "x", "1..2", "1.0-beta-gamma", "1.0+", "=>1", "1.0 2.0", "9" * 5 + "!"])
def test_what_is_no_version_is_an_error(text: str) -> None:
    with pytest.raises(NoVersionError):
        Version.of(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("^1.2", ("1.2", "1.9.9"), ("1.1", "2.0")),
        ("^0.110.0", ("0.110.1",), ("0.111", "1.0")),
        ("^0.0.3", ("0.0.3",), ("0.0.4",)),
        ("~1.2", ("1.2.9",), ("1.3",)),
        ("*", ("0", "99"), ()),
        ("", ("1",), ()),
    ],
)
def test_poetrys_shorthands_are_known(text: str, inside: tuple[str, ...], outside: tuple[str, ...]) -> None:
    span = Range.of(text)

    assert all(span.admits(Version.of(version)) for version in inside)
    assert not any(span.admits(Version.of(version)) for version in outside)
