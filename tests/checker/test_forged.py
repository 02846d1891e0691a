"""Forged tokens are what they are called, and proofs hold no secret."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from fastness.checker.evidence.forged import forgeries, key_of, signed
from fastness.checker.evidence.identities import claims_of, tokens_in
from fastness.checker.evidence.redacted import redacted

KEY = "a key that is long enough for every hash of this test, surely"
TOKEN = jwt.encode({"alg": "HS256"}, {"sub": "ada", "exp": 4_000_000_000}, OctKey.import_key(KEY))


def accepted(token: str) -> bool:
    try:
        found = jwt.decode(token, OctKey.import_key(KEY), algorithms=["HS256"])
        jwt.JWTClaimsRegistry().validate(found.claims)
    except (JoseError, ValueError):
        return False
    return True


def test_a_verifier_that_does_its_work_refuses_every_forgery() -> None:
    made = list(forgeries(TOKEN, ["another", KEY]))

    assert accepted(TOKEN)
    assert [forgery.what for forgery in made if accepted(forgery.token)] == []
    assert len({forgery.token for forgery in made}) == len(made) == 9


def test_expired_and_future_tokens_carry_a_good_signature() -> None:
    for forgery in list(forgeries(TOKEN, [KEY]))[-2:]:
        assert key_of(forgery.token, [KEY]) == KEY


def test_without_the_key_no_time_is_forged() -> None:
    assert not [forgery for forgery in forgeries(TOKEN, ["another"]) if "expired" in forgery.what]


@pytest.mark.parametrize("token", ["", "opaque", "a.b", "a.b.c", "....", "eyJhbGciOiJub25lIn0.W10.x"])
def test_what_is_no_jwt_has_no_forgeries(token: str) -> None:
    assert list(forgeries(token)) == []
    assert claims_of(token) == {}


def test_a_token_that_we_sign_is_one_that_others_verify() -> None:
    assert accepted(signed({"alg": "HS256"}, {"sub": "ada", "exp": 4_000_000_000}, KEY))


def test_tokens_are_found_under_their_usual_names() -> None:
    answer = {"data": {"accessToken": "a" * 20, "refresh_token": "b" * 20}, "token_type": "bearer"}

    assert tokens_in(answer) == {"access": "a" * 20, "refresh": "b" * 20}


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2-hunter2",
        "cookie: session=hunter2-hunter2; other=hunter2-hunter2",
        "set-cookie: session=hunter2-hunter2; Secure",
        '{"password": "hunter2-hunter2"}',
        "username=ada&password=hunter2-hunter2&x=1",
        "$2b$12$hunter2-hunter2",
        '{"access_token":"hunter2-hunter2"}',
        "the known secret hunter2-hunter2 in a text",
    ],
)
def test_a_stored_proof_holds_no_secret(text: str) -> None:
    assert "hunter2" not in redacted(text, ["hunter2-hunter2"] if "known" in text else [])


def test_a_proof_is_cut_to_a_readable_size() -> None:
    assert len(redacted("x " * 100_000)) < 1_600
