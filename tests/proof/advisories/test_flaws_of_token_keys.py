"""Published keys taken for secrets, empty secrets, keys without an algorithm."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import SecretStr

from accounts.serving import running
from fastness import Settings
from fastness.controls.secrets import generate
from fastness.controls.tokens import SigningKey, TokenKeys
from fastness.core.errors import UnsafeConfiguration
from proof.advisories.advisory import advisory, package
from proof.advisories.front import protected, visiting
from token_forge import ATTACKS, b64, forged

pytestmark = pytest.mark.anyio

STRENGTH = "controls/secrets/strength.py"

PRIVATE: dict[str, Any] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def spellings(kind: str) -> Iterator[tuple[str, bytes]]:
    """Sixteen ways in which one public key is written down."""
    public = PRIVATE[kind].public_key()
    info = ser.PublicFormat.SubjectPublicKeyInfo
    pem, der = public.public_bytes(ser.Encoding.PEM, info), public.public_bytes(ser.Encoding.DER, info)
    ssh = public.public_bytes(ser.Encoding.OpenSSH, ser.PublicFormat.OpenSSH)
    jwk = json.dumps({"kty": kind.upper(), "crv": "P-256", "x": b64(der[-64:-32]), "y": b64(der[-32:])}).encode()
    yield from {
        "PEM": pem,
        "PEM with CRLF": pem.replace(b"\n", b"\r\n"),
        "PEM without its last line feed": pem.strip(),
        "PEM with spaces around": b"  " + pem + b" ",
        "PEM with a byte order mark": b"\xef\xbb\xbf" + pem,
        "PEM in UTF-16": pem.decode().encode("utf-16"),
        "PEM in base64": base64.b64encode(pem),
        "PEM on one line": pem.replace(b"\n", b"\\n"),
        "DER": der,
        "DER in base64": base64.b64encode(der),
        "DER in base64url": base64.urlsafe_b64encode(der).rstrip(b"="),
        "DER in hexadecimal": der.hex().encode(),
        "OpenSSH": ssh,
        "OpenSSH wire in base64": ssh.split()[1],
        "JWK": jwk,
        "JWK set": b'{"keys":[' + jwk + b"]}",
    }.items()


async def begins(secret: str) -> None:
    """Start in production with this secret and nothing else wrong.

    Raises:
        RuntimeError: the start was refused.
    """
    given = {"environment": "production", "secret": [secret], "public_url": "https://app.example.com"}
    app, _ = protected(settings=Settings.model_validate({**given, "hosts": {"allowed": ["app.example.com"]}}))
    async with running(app):
        pass


def with_secret(secret: str) -> Settings:
    return Settings(environment="development", secret=(SecretStr(secret),))


@advisory(
    1,
    "CVE-2022-29217",
    without=[package("core/key_text.py", "return any(_is_key(spelling)", "return False and any(_is_key(spelling)")],
)
@pytest.mark.parametrize("kind", PRIVATE)
def test_cve_2022_29217_no_spelling_of_a_public_key_is_a_shared_secret(kind: str) -> None:
    taken = []

    for name, spelled in spellings(kind):
        try:
            SigningKey.shared(spelled)
        except UnsafeConfiguration:
            continue
        taken.append(name)

    assert taken == []


@advisory(
    2,
    "CVE-2024-33663",
    without=[
        package(
            "core/key_text.py",
            '_SSH_NAMES = (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")',
            '_SSH_NAMES = (b"ssh-rsa",)',
        )
    ],
)
async def test_cve_2024_33663_an_openssh_ecdsa_key_is_no_secret_and_signs_nothing() -> None:
    public = PRIVATE["ec"].public_key().public_bytes(ser.Encoding.OpenSSH, ser.PublicFormat.OpenSSH)
    app, secured = protected(settings=with_secret(public.decode()))

    assert any("asymmetric key" in str(problem) for problem in secured.problems())
    for spelled in (public, public + b" ada@example.com", public.split()[1]):
        with pytest.raises(UnsafeConfiguration):
            TokenKeys.shared(spelled)
    async with visiting(app) as http:
        answer = await http.get("/me", headers={"Authorization": f"Bearer {forged(secret=public)}"})
    assert answer.status_code == 503


@advisory(
    4,
    "GHSA-xgmm-8j9v-c9wx",
    without=[package("controls/secrets/strength.py", "    elif reads_as_key(raw):\n", "    elif not raw:\n")],
)
def test_ghsa_xgmm_8j9v_c9wx_the_json_of_a_key_is_refused_as_secret_at_the_start() -> None:
    jwk = SigningKey.generate().public_jwk()

    _, secured = protected(settings=with_secret(json.dumps(jwk)))

    (problem,) = secured.problems()
    assert problem.where == "FASTNESS_SECRET"
    assert jwk is not None
    assert jwk["x"] not in str(problem)


@advisory(
    5,
    "GHSA-r6x4-923q-g947",
    without=[package("core/key_text.py", "_spellings(raw, depth=2)", "_spellings(raw, depth=0)")],
)
@pytest.mark.parametrize("kind", PRIVATE)
def test_ghsa_r6x4_923q_g947_sets_der_marks_and_base64_of_a_key_are_refused_at_the_start(kind: str) -> None:
    taken = []

    for name, spelled in spellings(kind):
        try:
            text = spelled.decode()
        except UnicodeDecodeError:
            continue  # no environment variable can hold it
        _, secured = protected(settings=with_secret(text))
        if not secured.problems():
            taken.append(name)

    assert taken == []


@advisory(
    6,
    "GHSA-jq35-7prp-9v3f",
    without=[package("controls/tokens/keys.py", "if len({key.alg for key in every}) > 1:", "if not every:")],
)
def test_ghsa_jq35_7prp_9v3f_a_key_has_one_algorithm_and_a_ring_too() -> None:
    signing = SigningKey.generate("es")
    jwk = signing.public_jwk()
    assert jwk is not None

    with pytest.raises(UnsafeConfiguration, match="mixed"):
        TokenKeys([SigningKey.shared(b"\x07\x91" * 16, "hs"), signing])
    with pytest.raises(UnsafeConfiguration, match="mixed"):
        TokenKeys.from_jwks({"keys": [jwk, {"kty": "oct", "alg": "HS256", "kid": "hs", "k": b64(bytes(range(32)))}]})
    for wrong in ({"alg": "HS256"}, {"alg": "RS256"}, {"alg": "none"}, {"use": "enc"}):
        with pytest.raises(UnsafeConfiguration):
            TokenKeys.from_jwks({"keys": [{**jwk, **wrong}]})


@advisory(
    19,
    "GHSA-pxh4-856f-4h89",
    # An empty key stands before three of the checks, so all three are taken away; a short one meets its own alone.
    without=[
        package(STRENGTH, "    if not value.strip():", "    if value is None:"),
        package(STRENGTH, "    elif len(raw) < SHORTEST:", "    elif raw is None:"),
        package(
            STRENGTH, "    elif any(_guessable(reading) for reading in _readings(value)):", "    elif raw is None:"
        ),
    ],
    also=[
        [package(STRENGTH, "    elif len(raw) < SHORTEST:", "    elif raw is None:")],
        [
            package(STRENGTH, "    elif _published(value):", "    elif raw is None:"),
            package(STRENGTH, "        if part in text:", "        if part is None:"),
        ],
        [package("controls/tokens/signing_key.py", "if len(raw) < _SHORTEST_SECRET:", "if raw is None:")],
    ],
)
async def test_ghsa_pxh4_856f_4h89_an_empty_short_or_published_secret_does_not_start() -> None:
    published = (ATTACKS / "known_secrets.txt").read_text(encoding="utf-8").splitlines()
    weak = ["", " ", "\t", "q7XvT2", "q7XvT2mPz9LwK4sNb8RcY3hJd6FgA1e", *published]
    begun = []

    for secret in weak:
        with contextlib.suppress(RuntimeError):
            await begins(secret)
            begun.append(secret)
    for key in (b"", b"q7XvT2"):
        with pytest.raises(UnsafeConfiguration):
            SigningKey.shared(key)
        with pytest.raises(UnsafeConfiguration):
            SigningKey.from_jwk({"kty": "oct", "alg": "HS256", "kid": "k", "k": b64(key)})

    assert begun == []
    await begins(generate())
