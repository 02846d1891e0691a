"""Names of keys, keys as JWK, exact JSON and base64url, and the ranges of the settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from controls.test_tokens_keys import spellings
from fastness.controls.tokens import SigningKey, TokenKeys, Tokens, TokenSettings, jws, strict
from fastness.controls.tokens import claims as rules
from fastness.core.errors import UnsafeConfiguration
from token_forge import NOW, SECRET, SETTINGS, b64, claims, now, tokens

SHARED: dict[str, Any] = {"kty": "oct", "alg": "HS256", "kid": "k", "k": b64(SECRET)}


def ec_jwk(**changed: Any) -> dict[str, Any]:
    return {**json.loads(SigningKey.generate("k").export()), **changed}


@pytest.mark.parametrize("kid", ["a", "!", "~", "a" * 100])
def test_a_key_is_named_by_1_to_100_visible_ascii_characters(kid: str) -> None:
    assert SigningKey.generate(kid).kid == kid
    assert SigningKey.from_jwk({**SHARED, "kid": kid}).kid == kid
    assert SigningKey.from_pem(spellings("ec")["PEM"], kid).kid == kid


@pytest.mark.parametrize("kid", ["", "a" * 101, "a b", "a\n", "\x7f", "\u00e4"])
def test_any_other_name_is_refused(kid: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="not plain text"):
        SigningKey.from_jwk({**SHARED, "kid": kid})


@pytest.mark.parametrize("kid", [None, 1, ["k"]])
def test_a_key_without_a_name_is_refused(kid: object) -> None:
    with pytest.raises(UnsafeConfiguration, match="has no name"):
        SigningKey.from_jwk({**SHARED, "kid": kid})


def test_the_name_of_a_shared_key_is_the_same_in_every_version() -> None:
    # Two versions that run side by side must know each other's tokens.
    assert SigningKey.shared(SECRET).kid == "1455c47b001cb5b2"


@pytest.mark.parametrize("promise", [{}, {"use": "sig"}, {"key_ops": ["verify"]}, {"key_ops": ["sign"]}])
def test_a_key_for_signing_is_taken(promise: dict[str, Any]) -> None:
    assert SigningKey.from_jwk(ec_jwk(**promise)).alg == "ES256"


@pytest.mark.parametrize("promise", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": []}])
def test_a_key_for_something_else_is_refused(promise: dict[str, Any]) -> None:
    with pytest.raises(UnsafeConfiguration, match="something else than signing"):
        SigningKey.from_jwk(ec_jwk(**promise))


@pytest.mark.parametrize("jwk", [ec_jwk(alg="HS256", k=b64(SECRET)), {**SHARED, "alg": "HS512"}, ec_jwk(alg="none")])
def test_a_key_that_is_made_for_another_algorithm_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(UnsafeConfiguration, match="another algorithm"):
        SigningKey.from_jwk(jwk)


@pytest.mark.parametrize("secret", [None, 5, b64(SECRET) + "=", "\ud800" * 60, "not base64url"])
def test_a_shared_key_that_is_not_exact_base64url_is_refused(secret: object) -> None:
    with pytest.raises(UnsafeConfiguration, match="not base64url"):
        SigningKey.from_jwk({**SHARED, "k": secret})


@pytest.mark.parametrize("changed", [{"y": b64(b"\1" * 32)}, {"y": 5}, {"x": None}, {"kty": "RSA"}])
def test_a_point_that_is_not_on_the_curve_is_no_key(changed: dict[str, Any]) -> None:
    public = {name: value for name, value in ec_jwk().items() if name != "d"}

    with pytest.raises(UnsafeConfiguration, match="P-256"):
        SigningKey.from_jwk({**public, **changed})


def test_an_exported_key_says_what_it_is_for_in_one_short_line() -> None:
    exported = SigningKey.generate("k").export()

    assert json.loads(exported).keys() == {"kty", "crv", "x", "y", "d", "kid", "alg", "use"}
    assert b" " not in exported


@pytest.mark.parametrize("key", [SigningKey.shared(SECRET), SigningKey.from_pem(spellings("ec")["PEM"])])
def test_neither_a_shared_nor_a_public_key_is_exported(key: SigningKey) -> None:
    with pytest.raises(ValueError, match="only a private ES256 key"):
        key.export()


def test_numbers_have_20_digits_at_most_and_texts_no_control_characters() -> None:
    assert strict.json_object(b'{"n":' + b"9" * 20 + b"}") == {"n": 10**20 - 1}
    for bad in (b'{"n":' + b"9" * 21 + b"}", b'{"t":"\x01"}', b'{"t":"a\nb"}'):
        with pytest.raises(ValueError, match=r"too long|control character"):
            strict.json_object(bad)


def test_json_is_compact_and_plain_unicode_and_knows_no_nan() -> None:
    assert strict.dump({"a": ["\u00e4", 1]}) == '{"a":["\u00e4",1]}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        strict.dump({"a": float("nan")})


def test_base64url_loses_its_padding_and_nothing_else() -> None:
    assert strict.unpadded(b"\0\0\x31") == b"AAAx"
    assert strict.unpadded(b"\0") == b"AA"


def test_an_empty_issuer_is_nobody_and_the_future_is_refused_before_anything_is_cached() -> None:
    header = {"typ": rules.TYPE}

    with pytest.raises(rules.Unacceptable, match="iss is not ours"):
        rules.principal(header, strict.dump(claims(iss="", aud="")), TokenSettings(), NOW)
    with pytest.raises(rules.Unacceptable, match="issued in the future"):
        rules.principal(header, strict.dump(claims(iat=NOW + 31)), SETTINGS, NOW)
    assert rules.principal(header, strict.dump(claims(iat=NOW + 30)), SETTINGS, NOW).id == "ada"


def test_a_token_says_no_more_than_it_was_asked_to() -> None:
    who = tokens().verify(tokens().issue("ada"))

    assert who.claims.keys() == {"iss", "aud", "sub", "iat", "exp", "jti", "sid", "roles", "ver", "amr"} - {
        "roles",
        "amr",
    }
    assert who.version == 0


def test_a_verified_token_is_not_verified_again() -> None:
    asked = list[str]()

    class Counting(TokenKeys):
        def get(self, kid: str) -> SigningKey | None:
            asked.append(kid)
            return super().get(kid)

    service = tokens(Counting([SigningKey.shared(SECRET, "k1")]))
    raw = service.issue("ada")

    for _ in range(3):
        assert service.verify(raw).id == "ada"

    assert asked == ["k1"]


def test_a_token_of_exactly_the_longest_length_is_issued_and_none_of_a_byte_more() -> None:
    def longest(kid: str) -> int:
        service, length = Tokens(TokenKeys([SigningKey.shared(SECRET, kid)]), SETTINGS, now=now), 0
        for note in range(5_800, 6_000):
            try:
                length = len(service.issue("ada", extra={"note": "x" * note}))
            except ValueError:
                return length
        raise AssertionError("no token was too long")

    # Names of four lengths bring the length to any number.
    assert max(longest(kid) for kid in ("k", "kk", "kkk", "kkkk")) == jws.LONGEST


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("lifetime", 1, 3600), ("max_lifetime", 1, 86_400), ("leeway", 0, 60), ("cache_size", 0, 100_000)],
)
def test_a_setting_has_a_range(name: str, least: int, most: int) -> None:
    for good in (least, most):
        assert getattr(TokenSettings.model_validate({name: good}), name) == good
    for bad in (least - 1, most + 1):
        with pytest.raises(ValidationError, match=name):
            TokenSettings.model_validate({name: bad})


@pytest.mark.parametrize("name", ["issuer", "audience"])
def test_a_name_in_the_settings_has_500_characters_at_most_and_stays(name: str) -> None:
    settings = TokenSettings.model_validate({name: "x" * 500})

    with pytest.raises(ValidationError, match="at most 500"):
        TokenSettings.model_validate({name: "x" * 501})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, name, "y")


def test_a_life_may_be_as_long_as_the_longest_and_no_longer() -> None:
    assert TokenSettings(lifetime=600, max_lifetime=600).problems(production=True) == []
    (problem,) = TokenSettings(lifetime=601, max_lifetime=600).problems(production=True)
    assert "outlive" in problem.what
