"""No forged token is accepted, and none makes `verify` raise anything but InvalidToken."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from fastness.controls.tokens import SigningKey, TokenKeys
from fastness.core.errors import InvalidToken
from token_forge import ATTACKS, NOW, SECRET, b64, claims, dressed, forged, hs256, text, tokens

RECIPES: list[dict[str, Any]] = json.loads((ATTACKS / "jwt_attacks.json").read_text())
RSA = rsa.generate_private_key(65537, 2048)
ES = SigningKey.generate("k1")
ES_DER = encode_dss_signature(7, 7)
DER = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

GOOD_IDS = {"../admin", "01", "1.0", "1e0", "-1", "00000000-0000-0000-0000-000000000000"}
"""Subjects of the corpus that are plain identifiers: the server signed them, and they name exactly that account."""


def signatures(recipe: dict[str, Any], message: str) -> Iterator[bytes]:
    sign = recipe["sign"]
    if sign in {"valid_HS256", "valid with the server key", "valid over raw payload"}:
        yield base64.urlsafe_b64decode(hs256(message) + "=")
        if "claims" in recipe:  # the server may hold either kind of key
            yield ES.sign(message.encode())
    elif sign == "empty":
        yield b""
    elif sign == "HS256":
        yield base64.urlsafe_b64decode(hs256(message, recipe["secret"].encode()) + "=")
    elif sign == "HS256 with empty secret":
        yield base64.urlsafe_b64decode(hs256(message, b"") + "=")
    elif sign == "HS256 with the public key as secret":
        secret = {"PEM": PEM, "PEM CRLF": PEM.replace(b"\n", b"\r\n"), "DER base64": base64.b64encode(DER)}
        yield base64.urlsafe_b64decode(hs256(message, secret[recipe["key_form"]]) + "=")
    elif sign in {"attacker RSA key", "attacker OKP key"}:
        yield from (RSA.sign(message.encode(), padding.PKCS1v15(), SHA256()), bytes(64))
    else:
        assert sign == "none or wrong key"
        yield from (b"", base64.urlsafe_b64decode(hs256(message, b"x" * 32) + "="))


def headers(recipe: dict[str, Any]) -> list[dict[str, Any]]:
    if "header" not in recipe:
        return [{"alg": alg, "typ": "at+jwt", "kid": "k1"} for alg in ("HS256", "ES256")]
    if recipe["header"] == {"alg": "HS256", "typ": "at+jwt"}:
        return [recipe["header"]]  # with a key name it would be our own access token
    return [recipe["header"], dressed(recipe["header"])]


def payloads(recipe: dict[str, Any]) -> dict[str, Any]:
    relative = {"now-1": NOW - 1, "now+3600": NOW + 3600, "now+10 years": NOW + 315_360_000}
    changed = {name: relative.get(str(value), value) for name, value in recipe.get("claims", {}).items()}
    if changed == {"exp": "absent"}:
        return claims(exp=None)
    return {**claims(), **changed}


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r["class"] != "shape"], ids=lambda r: r["class"])
def test_no_recipe_of_the_corpus_is_accepted(recipe: dict[str, Any]) -> None:
    verifiers = [tokens(), tokens(TokenKeys([ES]))]
    payload = payloads(recipe)
    raw = text(payload)
    accepted = set()

    for header in headers(recipe):
        middle = raw if recipe["sign"] == "valid over raw payload" else b64(raw)
        message = f"{b64(json.dumps(header))}.{middle}"
        for signature in signatures(recipe, message):
            for verifier in verifiers:
                try:
                    accepted.add(verifier.verify(f"{message}.{b64(signature)}").id)
                except InvalidToken:
                    continue

    if recipe.get("claims") == {"nbf": 0}:
        assert accepted == {"ada"}  # a valid number, long past
    elif recipe["class"] == "sub_claim" and str(payload["sub"]) in GOOD_IDS:
        assert accepted == {payload["sub"]}
    else:
        assert accepted == set()


def shapes() -> dict[str, str]:
    good, es = forged(), forged(key=ES)
    head, body, signature = good.split(".")
    es_head = ".".join(es.split(".")[:2])
    r, s = 1, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    deep = "[" * 10_000 + "]" * 10_000
    header = '{"alg":"HS256","typ":"at+jwt","kid":"k1"'
    general = {"payload": body, "signatures": [{"protected": head, "signature": signature}]}
    return {
        "2 segments": f"{head}.{body}",
        "1 segment": head,
        "leading dot": f".{good}",
        "trailing dot": f"{good}.",
        "empty header": f".{body}.{hs256(f'.{body}')}",
        "header JSON array": forged("[]"),
        "payload JSON number": forged(None, "1"),
        "duplicate key alg none then HS256": forged('{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"k1"}'),
        "duplicate key sub": forged(None, text(claims())[:-1] + ',"sub":"admin"}'),
        "base64 standard alphabet +/": forged(None, claims(note="???>>>")).replace("_", "/").replace("-", "+"),
        "padding = kept": ".".join(part + "=" * (-len(part) % 4) for part in good.split(".")),
        "space inside": good.replace(".", ". ", 1),
        "tab before": f"\t{good}",
        "invalid UTF-8 in header": forged(header.encode() + b',"x":"\xff"}'),
        "signature truncated by 1 byte": f"{head}.{body}.{b64(base64.urlsafe_b64decode(signature + '=')[:-1])}",
        "signature of other token": f"{head}.{body}.{forged(None, claims(sub='eve')).split('.')[2]}",
        "signature all zero": f"{head}.{body}.{b64(bytes(32))}",
        "ES256 r=s=0": f"{es_head}.{b64(bytes(64))}",
        "ES256 s=n": f"{es_head}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}",
        "ES256 DER-encoded": f"{es_head}.{b64(ES_DER)}",
        "RS256 signature + leading zeros": forged({"alg": "RS256", "typ": "at+jwt", "kid": "k1"}) + "AA",
        "header nested 10000 deep": forged(f'{header},"x":{deep}}}'),
        "payload nested 10000 deep": forged(None, text(claims())[:-1] + f',"x":{deep}}}'),
        "payload 1 MB": forged(None, claims(note="x" * 1_000_000)),
        "10^6 dots": "." * 1_000_000,
        "JSON serialization object": json.dumps({"payload": body, "protected": head, "signature": signature}),
        "JSON serialization with two signatures": json.dumps(general),
        "JWE zip DEF 1000:1 bomb": b64('{"alg":"dir","enc":"A256GCM","zip":"DEF"}') + "..AAAA.AAAA.AAAA",
        "JWE ECDH-ES invalid curve point": b64('{"alg":"ECDH-ES","enc":"A256GCM"}') + "..AAAA.AAAA.AAAA",
        "big int 10^5000 in exp": forged(None, text(claims()).replace(str(NOW + 600), "1" + "0" * 5000)),
        "Bearer twice": f"Bearer Bearer {good}",
        "lower-case bearer": f"bearer {good}",
        "Bearer with tab": f"Bearer\t{good}",
        "two Authorization headers": f"{good}, {good}",
        "token in query string": f"access_token={good}",
        "token in form body": f"access_token={good}&x=1",
        "token in cookie named access_token": f"access_token={good}; path=/",
    }


def test_the_token_that_the_attacks_start_from_is_good() -> None:
    assert tokens().verify(forged()).id == "ada"
    assert tokens(TokenKeys([ES])).verify(forged(key=ES)).id == "ada"


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r["class"] == "shape"], ids=lambda r: r["form"])
@pytest.mark.parametrize("kind", [str, str.encode])
def test_no_misshapen_token_is_accepted(recipe: dict[str, Any], kind: Any) -> None:
    raw = kind(shapes()[recipe["form"]])

    for verifier in (tokens(), tokens(TokenKeys([ES]))):
        with pytest.raises(InvalidToken):
            verifier.verify(raw)


def test_a_huge_token_is_refused_before_it_is_decoded() -> None:
    raw = (b64('{"alg":"HS256"}') + "." + "A" * 50_000_000 + ".AAAA").encode()
    verifier = tokens()
    tracemalloc.start()

    with pytest.raises(InvalidToken):
        verifier.verify(raw)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize(
    "thing", [None, 1, b"", "", [], {}, object(), bytearray(b"a.b.c"), memoryview(b"a.b.c"), "\ud800.a.b"]
)
def test_what_is_no_token_at_all_is_refused_the_same_way(thing: Any) -> None:
    with pytest.raises(InvalidToken):
        tokens().verify(thing)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=300), st.from_regex(rb"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"))
)
def test_noise_is_never_anything_but_an_invalid_token(raw: bytes | str) -> None:
    with pytest.raises(InvalidToken):
        tokens().verify(raw)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.integers(0, 2000), st.sampled_from(["A", "=", ".", "\x00", "-", "é", ""]))
def test_every_changed_letter_of_a_good_token_is_noticed(position: int, letter: str) -> None:
    good = forged()
    position %= len(good)
    changed = good[:position] + letter + good[position + 1 :]

    if changed != good:
        with pytest.raises(InvalidToken):
            tokens().verify(changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.sampled_from(sorted({*claims(), "nbf", "auth_time", "amr", "alg", "typ", "kid", "crit"})), JSON)
def test_signed_nonsense_in_any_place_ends_as_a_principal_or_an_invalid_token(name: str, value: Any) -> None:
    header = {"alg": "HS256", "typ": "at+jwt", "kid": "k1"}
    place = header if name in {"alg", "typ", "kid", "crit"} else claims()
    place[name] = value
    raw = forged(header, claims() if place is header else place)

    try:
        who = tokens().verify(raw)
    except InvalidToken:
        return
    assert who.id == place.get("sub", "ada")
    assert isinstance(who.version, int)
    assert all(isinstance(item, str) for item in who.roles | who.permissions | set(who.methods))


def test_nothing_of_the_token_stands_in_the_refusal() -> None:
    raw = forged(None, claims(aud="canary-audience"))

    with pytest.raises(InvalidToken) as refused:
        tokens().verify(raw)

    said = f"{refused.value} {refused.value.reason} {refused.value.headers} {refused.value.members}"
    assert "canary" not in said
    assert raw[:20] not in said
    assert SECRET.decode() not in said
