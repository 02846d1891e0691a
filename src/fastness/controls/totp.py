"""One-time codes by time: TOTP (RFC 6238) over HOTP (RFC 4226), six digits, thirty seconds, SHA-1.

SHA-1 because authenticator apps speak nothing else for sure; in HMAC it is not broken. A code counts in its own thirty seconds
and in no other, unless a skew is asked for (ASVS 6.5.5). Whether it was used before only a store can tell: `match` says
which step it belongs to, and who accepts it must accept each step once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from fastness.core.declare import provides
from fastness.core.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD = 30
"""Seconds."""
DIGITS = 6
_SEED = 20
_LONGEST_LABEL = 100


def new_seed() -> bytes:
    """160 random bits (RFC 4226 section 4, R6)."""
    return secrets.token_bytes(_SEED)


def step_at(seconds: float) -> int:
    """The number of the thirty seconds that this moment (Unix seconds) lies in."""
    return int(seconds // PERIOD)


def code(seed: bytes, step: int) -> str:
    """The code of one step (RFC 4226 section 5.3)."""
    digest = hmac.digest(seed, step.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


@provides("totp")
def match(seed: bytes, given: str, *, now: float, skew: int = 0) -> int | None:
    """The step that a code belongs to, or None. Accept each step of a seed once, and none before the last one accepted.

    `skew` is how many steps before and after now also count: each one triples what a guess may hit.
    """
    found = None
    for step in _steps(step_at(now), skew):
        # Every step is compared, so that the time tells nothing of which one it was.
        if hmac.compare_digest(code(seed, step).encode(), given.encode("utf-8", "surrogatepass")):
            found = step
    return found


def uri(seed: bytes, *, issuer: str, account: str) -> str:
    """What an authenticator app reads, as a link or from a QR code. It holds the seed."""
    label = f"{quote(issuer[:_LONGEST_LABEL], safe='')}:{quote(account[:_LONGEST_LABEL], safe='@')}"
    fields = {"secret": spelled(seed), "issuer": issuer[:_LONGEST_LABEL], "digits": DIGITS, "period": PERIOD}
    return f"otpauth://totp/{label}?{urlencode(fields, quote_via=quote)}"


def spelled(seed: bytes) -> str:
    """The seed for typing: base32 without padding."""
    return base64.b32encode(seed).decode().rstrip("=")


def qr(text: str) -> str:
    """A QR code as SVG, without scripts or references, for an `<img>` or inline.

    Raises:
        MissingExtra: segno is not installed.
    """
    try:
        import segno
    except ImportError:
        raise MissingExtra("QR codes", "service") from None
    return str(segno.make(text, micro=False).svg_inline(scale=4, border=4, light="#fff", omitsize=False))


def _steps(middle: int, skew: int) -> Iterator[int]:
    yield from range(max(0, middle - skew), middle + skew + 1)
