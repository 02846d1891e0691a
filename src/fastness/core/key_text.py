"""Tells a shared secret from the text of an asymmetric key, so that a published key is never used as a secret.

A public key accepted as an HMAC secret lets everybody who has that key sign tokens (CVE-2022-29217, CVE-2024-33663,
GHSA-xgmm-8j9v-c9wx, GHSA-r6x4-923q-g947).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator

_ARMOUR = re.compile(rb"-{4,5} ?(?:BEGIN|END) ")
_SSH_NAMES = (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")
_HEX = re.compile(rb"\A(?:[0-9A-Fa-f]{2})+\Z")
_BASE64 = re.compile(rb"\A[A-Za-z0-9+/_-]+={0,2}\Z")
_SHORTEST_DER = 40
"""Bytes. The shortest key in DER is an Ed25519 one with 44."""


def reads_as_key(raw: bytes) -> bool:
    """Whether `raw` is an asymmetric key or certificate in any usual spelling.

    Known spellings: PEM, OpenSSH, RFC 4716, JWK, JWK set, DER and the uncompressed point of a curve;
    each also in base64, base64url, hexadecimal or UTF-16, with a byte order mark, line breaks or spaces around.
    """
    return any(_is_key(spelling) for spelling in _spellings(raw, depth=2))


def _spellings(raw: bytes, depth: int) -> Iterator[bytes]:
    yield raw
    if depth == 0:
        return
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in raw[:4]:
        for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
            yield raw.decode(encoding, "ignore").encode("utf-8", "ignore")
    packed = b"".join(raw.split()).removeprefix(b"\xef\xbb\xbf")
    for literal in (packed, packed.replace(b"\\n", b"").strip(b"\"'")):
        if _HEX.match(literal):
            yield from _spellings(bytes.fromhex(literal.decode()), depth - 1)
        if _BASE64.match(literal):
            standard = literal.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            try:
                decoded = base64.b64decode(standard + b"=" * (-len(standard) % 4))
            except binascii.Error:
                continue
            yield from _spellings(decoded, depth - 1)


def _is_key(raw: bytes) -> bool:
    text = raw.strip().removeprefix(b"\xef\xbb\xbf").lstrip()
    return (
        _ARMOUR.search(raw) is not None
        or any(text.startswith(name) or b" " + name in text for name in _SSH_NAMES)
        or _is_ssh_wire(raw)
        or _is_jwk(text)
        or _is_der(raw)
        or _is_point(raw)
    )


def _is_ssh_wire(raw: bytes) -> bool:
    # RFC 4253 section 6.6: a length of four bytes, then the name of the algorithm.
    return raw[:3] == b"\x00\x00\x00" and raw[4:].startswith(_SSH_NAMES)


def _is_jwk(text: bytes) -> bool:
    if not text.startswith((b"{", b"[")):
        return False
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return b'"kty"' in text
    return isinstance(document, (dict, list)) and ('"kty"' in (again := json.dumps(document)) or '"keys"' in again)


def _is_der(raw: bytes) -> bool:
    # One SEQUENCE whose length is the length of the text: a key or certificate in DER, and by chance 1 text in 65,536.
    if len(raw) < _SHORTEST_DER or raw[:1] != b"\x30":
        return False
    size = raw[1] - 0x80
    if size < 0:
        return raw[1] == len(raw) - 2
    return 1 <= size <= 3 and int.from_bytes(raw[2 : 2 + size], "big") == len(raw) - 2 - size  # noqa: PLR2004


def _is_point(raw: bytes) -> bool:
    # SEC 1 section 2.3.3, uncompressed, for P-256, P-384 and P-521. A compressed point has no mark of its own.
    return len(raw) in {65, 97, 133} and raw[0] == 4  # noqa: PLR2004
