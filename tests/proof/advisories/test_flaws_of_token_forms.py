"""Tokens in forms that another reader would understand differently, or that cost more than they weigh."""

from __future__ import annotations

import inspect
import json
import socket
import time
from typing import Any

import pytest

from fastness.controls.tokens import SigningKey, TokenKeys, Tokens, strict
from fastness.core.errors import InvalidToken
from proof.advisories.advisory import advisory, package
from proof.advisories.front import protected, visiting
from token_forge import ATTACKS, NOW, SECRET, b64, claims, forged, hs256, text, tokens

pytestmark = pytest.mark.anyio

RECIPES: list[dict[str, Any]] = json.loads((ATTACKS / "jwt_attacks.json").read_text())
JWS = "controls/tokens/jws.py"
ANY_PARAMETER = package(JWS, "if not header.keys() <= _PARAMETERS:", "if not header:")


def recipes(*classes: str) -> list[dict[str, Any]]:
    found = [recipe for recipe in RECIPES if recipe["class"] in classes]
    assert found
    return found


def refused(raw: str | bytes, verifier: Tokens | None = None) -> str:
    """Why the token is refused."""
    with pytest.raises(InvalidToken) as error:
        (verifier or tokens()).verify(raw)
    return error.value.reason


def header(**more: Any) -> dict[str, Any]:
    return {"alg": "HS256", "typ": "at+jwt", "kid": "k1", **more}


def decoding(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was decoded from here on."""
    seen: list[bytes] = []
    real = strict.base64url

    def recorded(part: bytes) -> bytes | None:
        seen.append(part)
        return real(part)

    monkeypatch.setattr(strict, "base64url", recorded)
    return seen


@advisory(3, "CVE-2024-37568", without=[package(JWS, 'if key.alg != header["alg"]:', 'if not header["alg"]:')])
def test_cve_2024_37568_the_key_says_the_algorithm_and_nobody_else() -> None:
    es = tokens(TokenKeys([SigningKey.generate("k1")]))

    assert list(inspect.signature(Tokens.verify).parameters) == ["self", "raw"]
    assert not {"decode", "unverified", "get_unverified_header", "get_unverified_claims"} & set(dir(Tokens))
    for alg in ("none", "None", "HS384", "RS256", "ES256", "EdDSA", "hs256", ""):
        refused(forged(header(alg=alg)))
        refused(forged(header(alg=alg)), es)


@advisory(7, "CVE-2026-27962", without=[ANY_PARAMETER])
def test_cve_2026_27962_a_header_brings_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = SigningKey.generate("theirs")
    jwk = theirs.public_jwk()
    parameters: list[dict[str, Any]] = [
        {"jwk": jwk},
        {"jku": "https://evil.example/keys"},
        {"x5u": "file:///etc/passwd"},
        {"x5c": ["MIIB"]},
        *(dict(recipe["header"]) for recipe in recipes("embedded_key", "remote_key_header")),
    ]

    def no_network(*_: Any, **__: Any) -> None:
        raise AssertionError("the verifier opened a socket")

    monkeypatch.setattr(socket, "socket", no_network)
    for parameter in parameters:
        refused(forged({**parameter, "alg": "ES256", "typ": "at+jwt", "kid": "theirs"}, key=theirs))
        # Not even with our own signature: the next service might believe what ours let through.
        refused(forged({**parameter, **header()}))


@advisory(8, "CVE-2025-59420", "CVE-2026-32597", "python-jose #413", without=[ANY_PARAMETER])
def test_cve_2025_59420_an_unknown_critical_parameter_refuses_the_token() -> None:
    for recipe in recipes("crit"):
        refused(forged({**recipe["header"], **header()}))
    for crit in (["exp"], ["http://example.com/unknown"], [], "exp", [["exp"]], None):
        refused(forged(header(crit=crit, exp=NOW + 60)))


@advisory(9, "CVE-2025-61920", without=[package(JWS, "if len(raw) > LONGEST:", "if not raw:")])
def test_cve_2025_61920_a_token_over_8_kib_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    long = forged(None, claims(note="x" * 8_000))
    decoded = decoding(monkeypatch)

    assert len(long) > 8_192
    for raw in (long, forged(None, claims(note="x" * 1_000_000)), "." * 1_000_000, "A" * 1_000_000):
        refused(raw)
    assert decoded == []


@advisory(
    10,
    "CVE-2024-33664",
    without=[
        package(JWS, 'parts = raw.split(b".", 3)', 'parts = raw.split(b".")[:3]'),
        package(JWS, 'raw[: raw.rindex(b".")]', 'b".".join(parts[:2])'),
    ],
    also=[[package(JWS, 'parts = raw.split(b".", 3)', 'parts = raw.split(b".")[:3]')]],
)
def test_cve_2024_33664_a_token_in_five_parts_is_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = decoding(monkeypatch)
    bomb = b64('{"alg":"dir","enc":"A256GCM","zip":"DEF"}') + "..AAAA." + "A" * 4_000 + ".AAAA"

    # The first would be accepted by whoever looks at three parts only, the others are work for nothing.
    for raw in (forged() + "..", bomb, b64('{"alg":"ECDH-ES","enc":"A256GCM"}') + "..AAAA.AAAA.AAAA", "...."):
        refused(raw)
    assert decoded == []


@advisory(11, "GHSA-w7vc-732c-9m39", without=[ANY_PARAMETER])
def test_ghsa_w7vc_732c_9m39_an_unencoded_payload_is_refused_in_every_form() -> None:
    for recipe in recipes("b64_false"):
        refused(forged({**recipe["header"], **header()}))
    for more in ({"b64": False, "crit": ["b64"]}, {"b64": False}, {"b64": True, "crit": ["b64"]}):
        first, raw = b64(json.dumps(header(**more))), text(claims())
        refused(f"{first}.{raw}.{hs256(f'{first}.{raw}')}")
        refused(f"{first}..{hs256(f'{first}.{raw}')}")
        refused(forged(header(**more)))  # read as base64url by one, as bare text by the other


@advisory(
    12,
    "GHSA-8wjv-2p76-3863",
    without=[
        package(JWS, "except (ValueError, RecursionError):", "except ValueError:"),
        package(
            "controls/tokens/jwt.py", "except Exception as error:  # noqa", "except ZeroDivisionError as error:  #"
        ),
    ],
    crashes=["RecursionError"],
)
async def test_ghsa_8wjv_2p76_3863_a_deeply_nested_header_or_payload_is_a_401() -> None:
    app, secured = protected()
    assert secured.tokens is not None
    kid = secured.tokens.keys.current.kid
    deep = "[" * 2_900 + "]" * 2_900
    opened = '{"":' * 1_050 + "1" + "}" * 1_050
    raw = [
        forged(f'{{"alg":"HS256","kid":"{kid}","x":{nested}}}', secret=SECRET, payload="{}")
        for nested in (deep, opened)
    ]
    raw += [forged(nested) for nested in (deep, opened)]

    async with visiting(app) as http:
        answers = [await http.get("/me", headers={"Authorization": f"Bearer {one}"}) for one in raw]

    assert all(len(one) <= 8_192 for one in raw)
    assert [answer.status_code for answer in answers] == [401] * len(raw)


@advisory(
    13,
    "CVE-2024-53861",
    without=[
        package("controls/tokens/claims.py", "claims.get(name) != expected:", "str(claims.get(name)) not in expected:")
    ],
)
def test_cve_2024_53861_issuer_and_audience_are_compared_whole() -> None:
    ours = {"iss": "https://issuer.example", "aud": "app"}

    for name, whole in ours.items():
        wrong: list[Any] = [whole[:-1], whole[1:], whole[:1], "", whole + "x", whole.upper(), f" {whole}", [whole]]
        wrong += [recipe["claims"][name] for recipe in recipes(f"{name}_claim") if name in recipe.get("claims", {})]
        for value in wrong:
            if value != whole:
                refused(forged(None, {**claims(), name: value}))


@advisory(
    18,
    "GHSA-hxm8-2xgr-2p9m",
    without=[package("controls/tokens/strict.py", "return raw if unpadded(raw) == text else None", "return raw")],
)
def test_ghsa_hxm8_2xgr_2p9m_one_spelling_of_a_token_is_accepted() -> None:
    good = forged()
    head, body, signature = good.split(".")
    last = signature[-1]
    sibling = next(
        c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" if ord(c) == ord(last) + 1
    )
    spelled = [
        f"{good}=", f"{good} ", f"{good}\n", f"{head}.{body}.{signature[:9]}\n{signature[9:]}",
        f"{head}.{body}.{signature[:9]} {signature[9:]}", f"{head}.{body}.{signature[:9]}!{signature[9:]}",
        f"{head}.{body}.{signature[:-1]}{sibling}", f"{head}.{body}.{signature}=AAAA", f"{head}=.{body}.{signature}",
        f" {good}", f"{head}. {body}.{signature}",
    ]  # fmt: skip

    for raw in spelled:
        refused(raw)
    assert tokens().verify(good).id == "ada"


@advisory(
    20,
    "CVE-2022-39227",
    without=[package("controls/tokens/strict.py", "return raw if unpadded(raw) == text else None", "return raw")],
)
def test_cve_2022_39227_json_around_a_token_is_never_read() -> None:
    good = forged()
    head, body, signature = good.split(".")
    evil = b64(text(claims(sub="admin")))
    shapes = [
        json.dumps({"payload": body, "protected": head, "signature": signature}),
        json.dumps({"payload": body, "signatures": [{"protected": head, "signature": signature}]}),
        json.dumps({f"{head}.{evil}.": "", "protected": head, "payload": body, "signature": signature}),
        f'{good}=","payload":"{evil}","protected":"{head}"',
        f"[{json.dumps(good)}]",
        json.dumps(good),
    ]

    for raw in shapes:
        refused(raw)


@advisory(
    21,
    "CVE-2023-6681",
    without=[
        package(
            JWS,
            "    if not header.keys() <= _PARAMETERS:\n",
            "    import hashlib\n"
            '    hashlib.pbkdf2_hmac("sha256", b"", b"", min(int(header.get("p2c", 1)), 10**7))\n'
            "    if not header.keys() <= _PARAMETERS:\n",
        )
    ],
    also=[[ANY_PARAMETER]],
)
def test_cve_2023_6681_a_token_cannot_order_work() -> None:
    began = time.thread_time()

    for count in (10**6, 2**31 - 1, 2**63, 10**400):
        dear = {"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": count, "p2s": "AAAA"}
        for raw in (b64(json.dumps(dear)) + ".AAAA.AAAA.AAAA.AAAA", forged({**dear, "kid": "k1"})):
            refused(raw)
        refused(forged(header(p2c=count, p2s="AAAA")))

    assert time.thread_time() - began < 1.0


@advisory(
    22,
    "joserfc 1.8",
    without=[
        package(
            "controls/tokens/claims.py",
            "if type(value) is not int or not 0 <= value <= _LATEST:",
            "if not isinstance(value, (int, float)):",
        )
    ],
)
async def test_joserfc_1_8_a_date_is_a_whole_number() -> None:
    odd: list[Any] = [True, False, "1800000600", NOW + 600.5, -1, 2**64, None, [], {}, "NaN (bare token)"]
    odd += ["Infinity (bare token)", "1e999 (bare token)"]
    odd += [value for recipe in recipes("time_claim_type") for value in recipe.get("claims", {}).values()]

    for name in ("exp", "iat", "nbf", "auth_time", "ver"):
        for value in odd:
            if type(value) is int and 0 <= value < 2**53:
                continue
            refused(forged(None, {**claims(), name: value}))


@advisory(
    90,
    "GHSA-xmf8-cvqr-rfgj",
    without=[
        package(
            JWS, 'if not isinstance(header.get("alg"), str) or not isinstance(header.get("kid"), str):', "if False:"
        ),
        package(
            "controls/tokens/jwt.py", "except Exception as error:  # noqa", "except ZeroDivisionError as error:  #"
        ),
    ],
    crashes=["TypeError"],
)
async def test_ghsa_xmf8_cvqr_rfgj_a_malformed_credential_is_a_401_and_never_a_500() -> None:
    app, _ = protected()
    kids: list[Any] = [[], {}, 1, None, True, [["k1"]]]
    odd = [
        b"Bearer", b"Bearer ", b"bearer \xff\xfe", b"Bearer \x00", b"Bearer a", b"Bearer a.b", b"Bearer ...",
        b"Bearer " + b"." * 5_000, b"Basic", b"Basic ====", b"Basic \xff", b"\xff", b"", b",", b"Bearer a, Bearer b",
        b"Digest username=", b"Negotiate " + b"A" * 4_000, b"Bearer\ta.b.c", "Bearer \u2603".encode(),
        *(b"Bearer " + forged({"alg": "HS256", "kid": kid}).encode() for kid in kids),
        *(b"Bearer " + forged({"alg": alg, "kid": "k1"}).encode() for alg in kids[:4]),
    ]  # fmt: skip

    async with visiting(app) as http:
        answers = [await http.get("/me", headers=[(b"Authorization", one)]) for one in odd]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers if answer.status_code != 401] == []
    assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers)
