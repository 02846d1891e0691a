"""Secrets out of stored proofs."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 1500
_NAMES = r"pass(?:word|wd|phrase)?\w*|pwd|secret\w*|\w*token\w*|api_?key|authorization|cookie|session\w*|otp|code"
_PATTERNS = (
    (re.compile(r"(?im)^(authorization|cookie|x-api-key)(: *)(?:(bearer|basic) )?.+$"), r"\1\2\3 ***"),
    (re.compile(r"(?im)^(set-cookie: *[^=\s]+=)[^;\n]*"), r"\1***"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]*\.[\w-]*"), "***"),
    (re.compile(r"(\$(?:2[aby]|argon2\w*|pbkdf2[\w-]*|scrypt|5|6)\$)[^\s\"',]+"), r"\1***"),
    (re.compile(rf'(?i)("(?:{_NAMES})"\s*:\s*")[^"]+(")'), r"\1***\2"),
    (re.compile(rf"(?i)\b((?:{_NAMES})=)[^&\s]+"), r"\1***"),
)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without these secrets and without what looks like one, cut to a readable size."""
    for secret in sorted((s for s in secrets if len(s) > 3), key=len, reverse=True):  # noqa: PLR2004 - "30" is no secret
        text = text.replace(secret, "***")
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + f"\n... ({len(text) - _LONGEST:,} more characters)"
