"""Keys: what may not be one, how they rotate, how they are stored, and that they never print."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import json
import pickle
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from fastness.controls.tokens import SigningKey, TokenKeys
from fastness.core.errors import InvalidToken, UnsafeConfiguration
from fastness.core.key_text import reads_as_key
from fastness.core.keys import KeyRing
from token_forge import tokens

SECRET = "Zm1bX0xq7Rt9vYc2Lk5Jh8Ng3Sd6Fw4P"
CANARY = "canary-7Rt9vYc2Lk5Jh8Ng3Sd6Fw4PZm1bX0xq"
PRIVATE: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def certificate(kind: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer.example")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, PRIVATE[kind].public_key(), 1, start, start.replace(year=2030))
    return builder.sign(PRIVATE[kind], None if kind == "ed25519" else hashes.SHA256())


def spellings(kind: str) -> dict[str, bytes]:
    public = PRIVATE[kind].public_key()
    encoding, form = serialization.Encoding, serialization.PublicFormat
    pem, der = (public.public_bytes(e, form.SubjectPublicKeyInfo) for e in (encoding.PEM, encoding.DER))
    ssh = public.public_bytes(encoding.OpenSSH, form.OpenSSH)
    wire = ssh.split()[1]
    jwk = json.dumps({"kty": {"rsa": "RSA", "ec": "EC", "ed25519": "OKP"}[kind], "x": "AA", "n": "AA", "e": "AQAB"})
    rfc4716 = b"---- BEGIN SSH2 PUBLIC KEY ----\n" + wire + b"\n---- END SSH2 PUBLIC KEY ----"
    found = {
        "PEM": pem,
        "PEM CRLF": pem.replace(b"\n", b"\r\n"),
        "PEM with text before": b"Bag Attributes\n" + pem,
        "PEM with a byte order mark": b"\xef\xbb\xbf" + pem,
        "PEM in UTF-16": pem.decode().encode("utf-16"),
        "PEM in one line": pem.replace(b"\n", b"\\n"),
        "PEM body": b"".join(pem.splitlines()[1:-1]),
        "PEM in base64": base64.b64encode(pem),
        "DER": der,
        "DER base64": base64.b64encode(der),
        "DER base64url": base64.urlsafe_b64encode(der).rstrip(b"="),
        "DER hex": der.hex().encode(),
        "certificate PEM": certificate(kind).public_bytes(encoding.PEM),
        "certificate DER": certificate(kind).public_bytes(encoding.DER),
        "certificate base64": base64.b64encode(certificate(kind).public_bytes(encoding.DER)),
        "OpenSSH": ssh,
        "OpenSSH body": wire,
        "OpenSSH wire": base64.b64decode(wire),
        "RFC 4716": rfc4716,
        "JWK": jwk.encode(),
        "JWK with spaces": f"  \n{jwk} ".encode(),
        "JWK in base64": base64.b64encode(jwk.encode()),
        "JWK set": f'{{"keys": [{jwk}]}}'.encode(),
        "private PEM": PRIVATE[kind].private_bytes(
            encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }
    if isinstance(public, rsa.RSAPublicKey):
        found["PKCS #1 PEM"] = public.public_bytes(encoding.PEM, form.PKCS1)
        found["PKCS #1 DER"] = public.public_bytes(encoding.DER, form.PKCS1)
    if isinstance(public, ec.EllipticCurvePublicKey):
        found["point"] = public.public_bytes(encoding.X962, form.UncompressedPoint)
        found["point hex"] = found["point"].hex().encode()
    return found


CASES = [(f"{kind} {form}", raw) for kind in PRIVATE for form, raw in spellings(kind).items()]


@pytest.mark.parametrize("raw", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_no_spelling_of_an_asymmetric_key_serves_as_a_shared_secret(raw: bytes) -> None:
    with pytest.raises(UnsafeConfiguration, match="text of an asymmetric key"):
        TokenKeys.shared(raw)


def test_random_secrets_are_not_taken_for_keys() -> None:
    secrets = [f"{n:x}".encode() * 40 for n in range(1000, 1300)]
    digests = [hashes.Hash(hashes.SHA256()) for _ in secrets]
    for digest, secret in zip(digests, secrets, strict=True):
        digest.update(secret)
    random = [digest.finalize() for digest in digests]

    taken = [raw for raw in random for text in (raw, raw.hex().encode(), base64.b64encode(raw)) if reads_as_key(text)]

    assert taken == []


@pytest.mark.parametrize("secret", ["", "x", "x" * 31, b"\x00" * 31])
def test_a_shared_secret_has_at_least_32_bytes(secret: str | bytes) -> None:
    with pytest.raises(UnsafeConfiguration, match="32 are needed"):
        TokenKeys.shared(secret)


def test_a_refused_secret_is_not_in_the_refusal() -> None:
    for secret in (CANARY[:31], f"-----BEGIN PUBLIC KEY-----{CANARY}"):
        with pytest.raises(UnsafeConfiguration) as refused:
            TokenKeys.shared(secret)

        assert "canary" not in f"{refused.value} {refused.value!r}"


def test_a_token_of_an_older_key_is_good_until_that_key_is_dropped() -> None:
    old, new = SigningKey.generate("old"), SigningKey.generate("new")
    service = tokens(TokenKeys([old]))
    raw = service.issue("ada")

    service.replace_keys(TokenKeys([old, new]))

    assert service.verify(raw).id == "ada"
    service.replace_keys(TokenKeys([new]))
    with pytest.raises(InvalidToken):
        service.verify(raw)


def test_the_newest_key_signs() -> None:
    ring = TokenKeys([SigningKey.generate("a"), SigningKey.generate("b")]).rotated(SigningKey.generate("c"), keep=1)

    header = json.loads(base64.urlsafe_b64decode(tokens(ring).issue("ada").split(".")[0] + "=="))

    assert header == {"alg": "ES256", "kid": "c", "typ": "at+jwt"}
    assert [key.kid for key in ring] == ["b", "c"]


def test_shared_secrets_rotate_too() -> None:
    raw = tokens(TokenKeys.shared(SECRET)).issue("ada")

    assert tokens(TokenKeys.shared(SECRET, CANARY)).verify(raw).id == "ada"
    with pytest.raises(InvalidToken):
        tokens(TokenKeys.shared(CANARY)).verify(raw)


def test_derived_keys_follow_the_ring_of_secrets_and_keep_purposes_apart() -> None:
    raw = tokens(TokenKeys.derived(KeyRing([SECRET]))).issue("ada")

    assert tokens(TokenKeys.derived(KeyRing([SECRET, CANARY]))).verify(raw).id == "ada"
    for other in (TokenKeys.derived(KeyRing([SECRET]), "mail"), TokenKeys.shared(SECRET)):
        with pytest.raises(InvalidToken):
            tokens(other).verify(raw)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [SigningKey.generate("a"), SigningKey.generate("a")],
        [SigningKey.generate("a"), SigningKey.shared(SECRET)],
    ],
    ids=["none", "one name twice", "shared and public"],
)
def test_an_ambiguous_ring_is_refused(keys: list[SigningKey]) -> None:
    with pytest.raises(UnsafeConfiguration):
        TokenKeys(keys)


def test_an_exported_key_signs_again_after_it_is_loaded() -> None:
    key = SigningKey.generate()

    loaded = SigningKey.load(key.export())

    assert loaded.kid == key.kid
    assert tokens(TokenKeys([key])).verify(tokens(TokenKeys([loaded])).issue("ada")).id == "ada"


def test_a_key_comes_from_pem() -> None:
    pem = PRIVATE["ec"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = SigningKey.from_pem(pem)

    raw = tokens(TokenKeys([key])).issue("ada")

    assert tokens(TokenKeys([SigningKey.from_pem(spellings("ec")["PEM"])])).verify(raw).id == "ada"
    with pytest.raises(UnsafeConfiguration):
        SigningKey.from_pem(spellings("rsa")["PEM"])


def test_a_key_of_another_curve_is_refused() -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    numbers = private.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(48, "big")).decode() for n in (numbers.x, numbers.y))

    with pytest.raises(UnsafeConfiguration, match="P-256"):
        SigningKey.from_pem(pem)
    with pytest.raises(UnsafeConfiguration, match="P-256"):
        SigningKey.from_jwk({"kty": "EC", "crv": "P-384", "x": x, "y": y, "kid": "k", "alg": "ES256"})


@pytest.mark.parametrize("stored", [b"", b"{}", b"[]", b"\xff", b'{"kty":"EC","kty":"EC"}', b'{"a":' * 50_000])
def test_a_stored_key_that_is_broken_is_a_configuration_error(stored: bytes) -> None:
    with pytest.raises(UnsafeConfiguration):
        SigningKey.load(stored)


def test_the_published_keys_verify_and_cannot_sign() -> None:
    service = tokens(TokenKeys.generate())

    reader = tokens(TokenKeys.from_jwks(service.keys.jwks()))

    assert reader.verify(service.issue("ada")).id == "ada"
    with pytest.raises(ValueError, match="verify, not sign"):
        reader.issue("ada")
    with pytest.raises(ValueError, match="private"):
        reader.keys.current.export()


def test_the_published_keys_hold_nothing_private() -> None:
    assert TokenKeys.shared(SECRET).jwks() == {"keys": []}
    (published,) = TokenKeys.generate().jwks()["keys"]
    assert published.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_a_key_prints_its_name_and_algorithm_only() -> None:
    key = SigningKey.generate("k")

    assert repr(key) == str(key) == "SigningKey(kid='k', alg='ES256')"
    assert repr(TokenKeys([key])) == "TokenKeys([SigningKey(kid='k', alg='ES256')])"
    assert SECRET not in repr(TokenKeys.shared(SECRET))


def test_a_key_does_not_slip_out_through_pickle_or_copy() -> None:
    for leave in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(SigningKey.generate())


def test_importing_tokens_loads_no_cryptography() -> None:
    code = "import sys, fastness.controls.tokens; print({m.split('.')[0] for m in sys.modules})"

    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert not {"joserfc", "cryptography", "sqlalchemy", "argon2", "fastapi", "starlette"} & set(eval(loaded))
