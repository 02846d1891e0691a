"""Hashes that other systems made: PBKDF2, scrypt and bcrypt as passlib, Django and Werkzeug write them.

They are verified, never made. Every cost is capped before any work: the numbers come from the database.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import NoReturn

from fastness.controls.passwords import blowfish
from fastness.controls.passwords.errors import OutOfMemory, Unreadable

Verify = Callable[[bytes], bool]
"""Takes the password as typed, in UTF-8. Slow: call it in the pool."""

_MOST_ITERATIONS = 5_000_000
_MOST_MEMORY = 256 * 1024 * 1024
_MOST_WORK = 1024 * 1024 * 1024
_LONGEST = 1024
_DIGESTS = {"sha1": 20, "sha256": 32, "sha512": 64}


def verifier(stored: str) -> Verify:
    """The check for `stored`, told by its form.

    Raises:
        Unreadable: no known form, malformed, or a cost that no honest hash has.
    """
    if len(stored) <= _LONGEST and stored.isascii():
        for pattern, build in _FORMS:
            found = pattern.fullmatch(stored)
            if found is not None:
                return build(found)
    raise Unreadable("stored hash has no known form")


def _passlib_pbkdf2(found: re.Match[str]) -> Verify:
    digest = found["digest"] or "sha1"
    return _pbkdf2(digest, found["rounds"], _ab64(found["salt"]), _ab64(found["sum"]))


def _django_pbkdf2(found: re.Match[str]) -> Verify:
    return _pbkdf2(found["digest"], found["rounds"], found["salt"].encode(), _base64(found["sum"]))


def _werkzeug_pbkdf2(found: re.Match[str]) -> Verify:
    return _pbkdf2(found["digest"], found["rounds"], found["salt"].encode(), _hex(found["sum"]))


def _pbkdf2(digest: str, rounds: str, salt: bytes, expected: bytes) -> Verify:
    iterations = int(rounds)
    if not 1 <= iterations <= _MOST_ITERATIONS:
        raise Unreadable("pbkdf2 hash asks for too many iterations")
    # A shorter sum would be easier to match by chance than what these systems write.
    if len(expected) != _DIGESTS[digest]:
        _malformed("pbkdf2")
    return lambda password: hmac.compare_digest(hashlib.pbkdf2_hmac(digest, password, salt, iterations), expected)


def _passlib_scrypt(found: re.Match[str]) -> Verify:
    ln = int(found["ln"])
    if ln > 31:  # noqa: PLR2004 - before 2**ln is computed
        raise Unreadable("scrypt hash asks for too much memory or time")
    return _scrypt(1 << ln, found["r"], found["p"], _base64(found["salt"]), _base64(found["sum"]))


def _django_scrypt(found: re.Match[str]) -> Verify:
    return _scrypt(int(found["n"]), found["r"], found["p"], found["salt"].encode(), _base64(found["sum"]))


def _werkzeug_scrypt(found: re.Match[str]) -> Verify:
    return _scrypt(int(found["n"]), found["r"], found["p"], found["salt"].encode(), _hex(found["sum"]))


def _scrypt(n: int, block: str, lanes: str, salt: bytes, expected: bytes) -> Verify:
    r, p = int(block), int(lanes)
    if n < 2 or n & (n - 1) or r < 1 or p < 1 or len(expected) < 32:  # noqa: PLR2004 - RFC 7914 section 2
        _malformed("scrypt")
    memory = 128 * r * (n + p + 2)
    if memory > _MOST_MEMORY or 128 * n * r * p > _MOST_WORK:
        raise Unreadable("scrypt hash asks for too much memory or time")

    def verify(password: bytes) -> bool:
        try:
            made = hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=memory + 65_536, dklen=len(expected))
        except MemoryError as error:
            raise OutOfMemory from error
        except ValueError as error:
            raise Unreadable("scrypt hash has parameters that OpenSSL refuses") from error
        return hmac.compare_digest(made, expected)

    return verify


def _bcrypt(found: re.Match[str]) -> Verify:
    return blowfish.verifier(found["hash"])


def _django_bcrypt_sha256(found: re.Match[str]) -> Verify:
    inner = blowfish.verifier(found["hash"])
    return lambda password: inner(hashlib.sha256(password).hexdigest().encode())


def _passlib_bcrypt_sha256(found: re.Match[str]) -> Verify:
    salt = found["salt"].encode()
    inner = _inner_bcrypt(found)
    return lambda password: inner(base64.b64encode(hmac.digest(salt, password, "sha256")))


def _passlib_bcrypt_sha256_v1(found: re.Match[str]) -> Verify:
    inner = _inner_bcrypt(found)
    return lambda password: inner(base64.b64encode(hashlib.sha256(password).digest()))


def _inner_bcrypt(found: re.Match[str]) -> Verify:
    return blowfish.verifier(f"${found['ident']}${int(found['rounds']):02d}${found['salt']}{found['sum']}")


def _ab64(text: str) -> bytes:
    return _base64(text.replace(".", "+"))


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except binascii.Error:
        _malformed("base64 in a")


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        _malformed("hex in a")


def _malformed(kind: str) -> NoReturn:
    raise Unreadable(f"malformed {kind} hash")


_BCRYPT = r"(?P<hash>\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53})"
_BCRYPT_PARTS = r"\$(?P<salt>[./A-Za-z0-9]{22})\$(?P<sum>[./A-Za-z0-9]{31})"
_BASE64 = r"(?P<sum>[A-Za-z0-9+/]{20,128}={0,2})"
_SALT = r"(?P<salt>[^$]{1,256})"
_ROUNDS = r"(?P<rounds>[0-9]{1,9})"
_AB64 = r"[A-Za-z0-9./]"
_N = r"(?P<n>[0-9]{1,9})"
_R_P = r"r=(?P<r>[0-9]{1,4}),p=(?P<p>[0-9]{1,4})"

_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Verify]], ...] = tuple(
    (re.compile(form, re.ASCII), build)
    for form, build in (
        (_BCRYPT, _bcrypt),
        (rf"bcrypt\${_BCRYPT}", _bcrypt),
        (rf"bcrypt_sha256\${_BCRYPT}", _django_bcrypt_sha256),
        (
            rf"\$bcrypt-sha256\$v=2,t=(?P<ident>2[by]),r=(?P<rounds>[0-9]{{1,2}}){_BCRYPT_PARTS}",
            _passlib_bcrypt_sha256,
        ),
        (
            rf"\$bcrypt-sha256\$(?P<ident>2[aby]),(?P<rounds>[0-9]{{1,2}}){_BCRYPT_PARTS}",
            _passlib_bcrypt_sha256_v1,
        ),
        (
            rf"\$pbkdf2(?:-(?P<digest>sha256|sha512))?\${_ROUNDS}\$(?P<salt>{_AB64}{{0,344}})\$(?P<sum>{_AB64}{{27,86}})",
            _passlib_pbkdf2,
        ),
        (rf"pbkdf2_(?P<digest>sha1|sha256)\${_ROUNDS}\${_SALT}\${_BASE64}", _django_pbkdf2),
        (
            rf"pbkdf2:(?P<digest>sha1|sha256|sha512):{_ROUNDS}\${_SALT}\$(?P<sum>[0-9a-f]{{40,128}})",
            _werkzeug_pbkdf2,
        ),
        (
            rf"\$scrypt\$ln=(?P<ln>[0-9]{{1,2}}),{_R_P}\$(?P<salt>[A-Za-z0-9+/]{{0,344}})\${_BASE64}",
            _passlib_scrypt,
        ),
        (
            rf"scrypt\${_N}\${_SALT}\$(?P<r>[0-9]{{1,4}})\$(?P<p>[0-9]{{1,4}})\${_BASE64}",
            _django_scrypt,
        ),
        (
            rf"scrypt:{_N}:(?P<r>[0-9]{{1,4}}):(?P<p>[0-9]{{1,4}})\${_SALT}\$(?P<sum>[0-9a-f]{{64,256}})",
            _werkzeug_scrypt,
        ),
    )
)
