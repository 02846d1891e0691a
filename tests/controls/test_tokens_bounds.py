"""The edges of what a token may say: the last that is good, and the first that is not."""

from __future__ import annotations

from typing import Any

import pytest

from fastness.controls.tokens import SigningKey, TokenKeys, Tokens, jws
from fastness.core.errors import InvalidToken, UnsafeConfiguration
from fastness.core.keys import KeyRing
from token_forge import NOW, SETTINGS, claims, forged, tokens

REGISTERED = ["iss", "aud", "sub", "iat", "exp", "nbf", "jti", "sid", "scope", "roles", "ver", "auth_time", "amr"]
FOREIGN = ["purpose", "token_use", "token_type", "typ", "type", "use", "nonce", "at_hash", "c_hash", "events"]


def refused(raw: str, service: Tokens | None = None) -> str:
    with pytest.raises(InvalidToken) as error:
        (service or tokens()).verify(raw)
    return error.value.reason


@pytest.mark.parametrize("name", FOREIGN)
def test_a_claim_that_marks_another_kind_of_token_refuses_it(name: str) -> None:
    assert refused(forged(None, claims(**{name: "access"}))) == "claims of another kind of token"


@pytest.mark.parametrize("name", [*REGISTERED, *FOREIGN])
def test_extra_claims_replace_none_of_the_tokens_own(name: str) -> None:
    with pytest.raises(ValueError, match="extra claims"):
        tokens().issue("ada", extra={name: "mine"})


@pytest.mark.parametrize("name", ["sub", "jti", "sid"])
def test_an_id_has_1_to_255_characters(name: str) -> None:
    for good in ("a", "a" * 255):
        assert tokens().verify(forged(None, claims(**{name: good}))).claims[name] == good
    for bad in ("", "a" * 256, "a b", "a\n", "\u00e4"):
        assert refused(forged(None, claims(**{name: bad}))) == f"{name} is not 1 to 255 visible ASCII characters"


@pytest.mark.parametrize("scope", ['a"b', "a\\b", '"', "\\", "\u00e4", "a\tb"])
def test_a_permission_is_a_scope_token_of_rfc_6749(scope: str) -> None:
    assert "scope token" in refused(forged(None, claims(scope=scope)))
    with pytest.raises(ValueError, match="scope token"):
        tokens().issue("ada", permissions=[scope])


def test_what_is_not_said_is_nothing() -> None:
    who = tokens().verify(forged(None, claims(scope=None, roles=None, ver=None)))

    assert (who.permissions, who.roles, who.version) == (frozenset(), frozenset(), 0)
    assert (who.authenticated_at, who.methods) == (0.0, ())


@pytest.mark.parametrize(("life", "good"), [(1, True), (3600, True), (0, False), (3601, False)])
def test_a_life_is_a_second_to_an_hour(life: int, good: bool) -> None:  # noqa: FBT001 - a parameter
    if good:
        assert tokens().verify(tokens().issue("ada", lifetime=life)).expires_at == NOW + life
        assert tokens().verify(forged(None, claims(exp=NOW + life))).expires_at == NOW + life
        return
    with pytest.raises(ValueError, match="lives 1 to 3600 seconds"):
        tokens().issue("ada", lifetime=life)
    assert refused(forged(None, claims(exp=NOW + life))) in {"expired", "lives longer than any token may"}


def test_a_token_cannot_end_before_it_begins() -> None:
    assert refused(forged(None, claims(iat=NOW + 20, exp=NOW + 19))) == "lives longer than any token may"


def test_a_number_is_exact_in_every_language_that_reads_it() -> None:
    assert tokens().verify(forged(None, claims(auth_time=2**53))).authenticated_at == 2**53
    assert tokens().verify(forged(None, claims(auth_time=0))).authenticated_at == 0
    for bad in (2**53 + 1, -1):
        assert refused(forged(None, claims(auth_time=bad))) == "auth_time is not a whole number"


def test_a_session_that_is_named_is_read_also_where_none_is_required() -> None:
    service = tokens(settings=SETTINGS.model_copy(update={"require_session": False}))

    assert service.verify(forged()).session == "s1"
    assert refused(forged(None, claims(sid="")), service).startswith("sid is not")


@pytest.mark.parametrize("header", [{"typ": "at+jwt", "kid": "k1"}, {"typ": "at+jwt", "alg": "HS256"},
                                    {"typ": "at+jwt", "kid": 1, "alg": "HS256"}, {"typ": "at+jwt", "kid": "k1", "alg": 1}])  # fmt: skip
def test_a_header_names_one_algorithm_and_one_key(header: dict[str, Any]) -> None:
    assert refused(forged(header)) == "the header names no algorithm or no key"


def test_a_token_has_at_most_8192_bytes() -> None:
    # One of three spellings of the header brings the length to any number.
    long = [
        raw
        for spaces in ("", " ", "  ")
        for note in range(5_820, 5_920)
        if len(raw := forged(f'{{"alg": "HS256", "typ": "at+jwt",{spaces} "kid": "k1"}}', claims(note="x" * note)))
        in {8192, 8193}
    ]
    fits, over = [raw for raw in long if len(raw) == 8192], [raw for raw in long if len(raw) == 8193]

    assert tokens().verify(fits[0]).id == "ada"
    assert refused(over[0]) == "longer than any token of ours"
    assert jws.LONGEST == 8192


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": "x"}, {"keys": [1]}, {"keys": {"kty": "EC"}}])
def test_a_key_set_without_keys_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(UnsafeConfiguration, match="holds no list of keys"):
        TokenKeys.from_jwks(document)


def test_a_rotated_ring_keeps_two_older_keys_and_never_fewer_than_it_has() -> None:
    one = TokenKeys([SigningKey.generate("1")])

    two = one.rotated(SigningKey.generate("2"))
    four = two.rotated(SigningKey.generate("3")).rotated(SigningKey.generate("4"))

    assert [key.kid for key in two] == ["1", "2"]
    assert [key.kid for key in four] == ["2", "3", "4"]
    assert [key.kid for key in four.rotated(SigningKey.generate("5"), keep=1)] == ["4", "5"]


def test_the_key_that_is_derived_for_access_tokens_is_always_the_same() -> None:
    ring = KeyRing(["a secret of thirty-two bytes or so"])

    derived = TokenKeys.derived(ring)

    assert derived.current.verify(b"message", SigningKey.shared(ring.current("access tokens")).sign(b"message"))
