"""What a log may hold: text without control characters, secrets and whole addresses, at most 1 KB long.

Redaction is the second fence: it knows names of keys and shapes of secrets, and cannot know a short secret under an
innocent name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

REDACTED = "[redacted]"
_READ, _KEPT, _KEY, _ITEMS, _DEPTH = 2048, 1024, 64, 20, 3
_SECRET_KEY = re.compile(
    r"passw|passphrase|pwd|secret|token|authori[sz]ation|cookie|credential|api_?key|private_?key|signature|csrf|otp"
    r"|nonce|session|\A(?:code|pin|key|auth|jwt|salt|hash)\Z|(?<!status)(?<!error)(?<!exit)_code\Z"
)
_SECRETS = (
    (re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"), REDACTED),
    (re.compile(r"\b(bearer|basic|digest|dpop)\s+[A-Za-z0-9._~+/=-]{4,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"://[^/\s@]{1,256}@"), f"://{REDACTED}@"),
    (
        re.compile(
            r"((?:passw(?:or)?d|passphrase|pwd|secret|token|api_?key|otp|code|signature|csrf)[\"']?\s{0,2}[=:]\s{0,2}[\"']?)"
            r"[^\s&;,\"']{1,512}",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*", re.DOTALL), REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\b(?:gh[pousr]|xox[abpr]|sk|fsk)[_-][A-Za-z0-9_-]{16,}"), REDACTED),
    # 256 bits in base64url are 43 characters; ids are shorter, and a long row of one character is no secret.
    (re.compile(r"(?<![A-Za-z0-9_-])(?![a-z-]{43,}(?![A-Za-z0-9_]))[A-Za-z0-9_-]{43,}"), REDACTED),
)
_EMAIL = re.compile(r"([^\s@<>\"',;:/()])[^\s@<>\"',;:/()]{0,63}@([^\s@<>\"',;:/()]{1,253})")
_PLAIN = re.compile(r"[a-z0-9./]{0,42}|[A-Z]{1,10}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Paths, addresses, methods and ids: what no pattern above finds, and most of what is logged."""


def clean(text: str) -> str:
    """`text` with secrets and addresses masked, unprintable characters as spaces, at most 1,024 bytes of UTF-8."""
    return text if _PLAIN.fullmatch(text) else _masked(text)


def _masked(text: str) -> str:
    kept = text[:_READ]
    if not kept.isprintable():
        kept = "".join(c if c.isprintable() else " " for c in kept)
    for pattern, instead in _SECRETS:
        kept = pattern.sub(instead, kept)
    if "@" in kept:
        kept = _EMAIL.sub(r"\1***@\2", kept)
    return kept.encode()[:_KEPT].decode(errors="ignore")


def redacted(value: object, *, name: str = "", depth: int = _DEPTH) -> Any:  # noqa: PLR0911 - one line for each kind
    """`value` as something JSON can hold, whatever it was; the value under a secret's name is not shown at all."""
    if name and value is not None and _SECRET_KEY.search(name.lower().replace("-", "_")):
        return REDACTED
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    if isinstance(value, str | float):
        return clean(str(value))
    if isinstance(value, bytes):
        return clean(value[:_READ].decode("latin-1"))
    if depth and isinstance(value, Mapping):
        pairs = list(cast("Mapping[object, object]", value).items())[:_ITEMS]
        return {clean(str(key))[:_KEY]: redacted(each, name=str(key), depth=depth - 1) for key, each in pairs}
    if depth and isinstance(value, Sequence | AbstractSet):
        items = list(cast("Sequence[object]", value))[:_ITEMS]
        return [redacted(each, depth=depth - 1) for each in items]
    # An unknown object's text may be anything: a settings object with its secrets, for one.
    return type(value).__name__
