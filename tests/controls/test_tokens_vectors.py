"""Project Wycheproof's vectors for JWS and JWK: nothing wrong is accepted, nothing right in ES256 and HS256 refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fastness.controls.tokens import SigningKey, TokenKeys, jws
from fastness.core.errors import UnsafeConfiguration
from token_forge import ATTACKS

OFFERED = {"ES256", "HS256"}

ODD = {
    # Byte for byte the valid vector 357: the padding that made it invalid was lost when the vectors were written.
    370: "valid",
    # A "?" inside the payload. RFC 7515 section 5.2 step 2 wants no additional characters; upstream lists it as valid.
    373: "invalid",
}
"""Vectors of json_web_signature_test whose verdict contradicts RFC 7515 or another vector."""


def vectors(name: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    document = json.loads((ATTACKS / f"wycheproof_json_web_{name}_test.json").read_text())
    return [
        (f"{name}-{test['tcId']}-{test['comment']}", group, test)
        for group in document["testGroups"]
        for test in group["tests"]
    ]


VECTORS = [vector for name in ("signature", "crypto", "key", "encryption") for vector in vectors(name)]


def accepted(group: dict[str, Any], token: str) -> bool:
    found = group.get("public", group["private"])
    document = found if "keys" in found else {"keys": [found]}
    try:
        keys = TokenKeys.from_jwks(document)
        jws.verify(token.encode(), keys)
    except (UnsafeConfiguration, jws.Broken):
        return False
    return True


def offered(group: dict[str, Any]) -> bool:
    keys = group["private"].get("keys", [group["private"]])
    return all(key.get("alg") in OFFERED for key in keys)


@pytest.mark.parametrize(("group", "test"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_every_vector_gets_the_verdict_of_the_rfc(group: dict[str, Any], test: dict[str, Any]) -> None:
    verdict = ODD.get(test["tcId"], test["result"]) if "base64" in group["comment"] else test["result"]

    said = accepted(group, test.get("jws") or test.get("jwe") or "")

    assert said is (verdict == "valid" and offered(group))


def test_the_vectors_hold_both_good_and_bad_tokens_of_both_algorithms() -> None:
    seen = {(group["private"].get("alg"), test["result"]) for _, group, test in VECTORS}

    assert {(alg, result) for alg in OFFERED for result in ("valid", "invalid")} <= seen


def test_one_odd_vector_is_its_valid_twin() -> None:
    by_id = {test["tcId"]: test for _, _, test in vectors("signature")}

    assert by_id[357]["result"] == "valid"
    assert by_id[370]["jws"] == by_id[357]["jws"]


def test_a_key_for_encryption_verifies_nothing() -> None:
    jwk = SigningKey.generate().public_jwk()
    assert jwk is not None

    for wrong in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "ES384"}, {"crv": "P-384"}, {"kty": "RSA"}):
        with pytest.raises(UnsafeConfiguration):
            SigningKey.from_jwk({**jwk, **wrong})
