"""Sealed values open where they were sealed, unchanged, under the secrets in the ring; nowhere else."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastness.controls.sealing import BrokenSeal, Sealer
from fastness.core.keys import KeyRing

OLD, NEW = "old-secret-0Tz5XmQ8rLw2Vb7Nc4Kd9Hs", "new-secret-3Jf6Yp1Gk8Rt5Mx2Wq7Zn4Bv"
PLAIN = b"canary: a TOTP seed"


def sealer(*secrets: str, purpose: str = "totp") -> Sealer:
    return Sealer(KeyRing(secrets or (OLD,)), purpose)


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=50))
def test_a_value_comes_back(plain: bytes, place: bytes) -> None:
    sealed = sealer().seal(plain, bound_to=place)

    assert sealer().open(sealed, bound_to=place) == plain


def test_the_sealed_text_shows_nothing_and_fits_a_column_or_cookie() -> None:
    sealed = sealer().seal(PLAIN)

    assert "canary" not in sealed
    assert sealed.isascii()
    assert set(sealed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_no_nonce_is_used_twice() -> None:
    one = sealer()

    nonces = {one.seal(PLAIN).split(".")[2][:16] for _ in range(5000)}

    assert len(nonces) == 5000


def test_every_changed_letter_breaks_the_seal() -> None:
    sealed = sealer().seal(PLAIN, bound_to=b"users/1")

    for position, letter in enumerate(sealed):
        for other in ("A", "B", ".", "=", "\u00e9", ""):
            changed = sealed[:position] + other + sealed[position + 1 :]
            if other != letter:
                with pytest.raises(BrokenSeal):
                    sealer().open(changed, bound_to=b"users/1")


def test_a_sealed_value_has_one_spelling_only() -> None:
    sealed = sealer().seal(PLAIN)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    for last in letters.replace(sealed[-1], ""):
        with pytest.raises(BrokenSeal):
            sealer().open(sealed[:-1] + last)


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=100) | st.from_regex(r"v1\.[0-9a-f]{16}\.[\w-]{0,60}"))
def test_noise_is_never_anything_but_a_broken_seal(noise: str) -> None:
    with pytest.raises(BrokenSeal):
        sealer().open(noise)


@pytest.mark.parametrize("place", [b"", b"users/2", b"users/1 ", b"1 users/1"])
def test_a_value_moved_to_another_place_does_not_open(place: bytes) -> None:
    sealed = sealer().seal(PLAIN, bound_to=b"users/1")

    with pytest.raises(BrokenSeal, match="moved"):
        sealer().open(sealed, bound_to=place)


def test_a_value_of_another_purpose_does_not_open() -> None:
    sealed = sealer(purpose="totp").seal(PLAIN)

    with pytest.raises(BrokenSeal):
        sealer(purpose="mail").open(sealed)


def test_an_older_secret_still_opens_and_says_that_it_is_outdated() -> None:
    sealed = sealer(OLD).seal(PLAIN)
    rotated = sealer(OLD, NEW)

    assert rotated.open(sealed) == PLAIN
    assert rotated.outdated(sealed)
    assert not rotated.outdated(rotated.seal(PLAIN))


def test_a_secret_that_left_the_ring_opens_nothing() -> None:
    sealed = sealer(OLD).seal(PLAIN)

    with pytest.raises(BrokenSeal, match="no longer in the ring"):
        sealer(NEW).open(sealed)


def test_neither_the_sealer_nor_its_errors_print_a_secret() -> None:
    one = sealer(OLD, NEW)
    with pytest.raises(BrokenSeal) as broken:
        one.open(one.seal(PLAIN)[:-1] + "_")

    assert repr(one) == "Sealer('totp', 2 keys)"
    assert "canary" not in str(broken.value)
    assert broken.value.__cause__ is None


def test_a_purpose_is_required() -> None:
    with pytest.raises(ValueError, match="purpose"):
        sealer(purpose="")


def test_importing_sealing_loads_no_cryptography() -> None:
    code = "import sys, fastness.controls.sealing; sys.exit('cryptography' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


EARLIER = "v1.d2c97d736e4f9c57.ITBUtzr9TuSUUvwK-mg2HAAIKN67jW4xogcng1fzvTXRQJPwxzPffWkx"
"""What version 0.1.0 sealed. Databases are full of such values, so no later version may spell or key them otherwise."""


def test_what_an_earlier_version_sealed_opens() -> None:
    ring = KeyRing(["a secret of thirty-two bytes or so"])

    assert Sealer(ring, "signing keys").open(EARLIER, bound_to=b"table:row") == b"the plain text"
    assert not Sealer(ring, "signing keys").outdated(EARLIER)


@pytest.mark.parametrize("size", [0, 1, 11, 12, 27])
def test_a_value_too_short_to_hold_a_nonce_and_a_tag_is_no_sealed_value(size: int) -> None:
    sealer = Sealer(KeyRing(["a secret of thirty-two bytes or so"]), "signing keys")
    key_id = EARLIER.split(".")[1]

    with pytest.raises(BrokenSeal, match="not a sealed value"):
        sealer.open(f"v1.{key_id}.{base64.urlsafe_b64encode(bytes(size)).rstrip(b'=').decode()}")


def test_a_nonce_and_a_tag_around_nothing_are_a_sealed_value() -> None:
    sealer = Sealer(KeyRing(["a secret of thirty-two bytes or so"]), "signing keys")

    assert sealer.open(sealer.seal(b"")) == b""
