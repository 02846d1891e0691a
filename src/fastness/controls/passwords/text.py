"""From what a person typed to the bytes that are hashed: normalised, whole, bounded."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from pydantic import SecretStr

from fastness.controls.passwords.errors import WeakPassword
from fastness.controls.passwords.settings import PasswordSettings


@dataclass(frozen=True, slots=True, repr=False)
class PasswordBytes:
    """One password, never truncated, as UTF-8. Every code point is kept, NUL included (ASVS 6.2.8)."""

    normal: bytes
    """What Argon2id hashes: the NFC form, unless the operator turned that off."""
    typed: bytes
    """What other systems hashed: as typed. passlib, Django and Werkzeug do not normalise."""


def reveal(password: str | SecretStr) -> str:
    """The text of a password."""
    return password.get_secret_value() if isinstance(password, SecretStr) else password


def prepare(password: str | SecretStr, settings: PasswordSettings) -> PasswordBytes:
    """Normalise and encode `password`.

    Raises:
        WeakPassword: over `max_length` code points or `max_bytes` bytes, or not text (a lone surrogate).
    """
    text = reveal(password)
    # Before any work that grows with the text: normalising ten megabytes takes half a second.
    if len(text) > settings.max_bytes:
        raise WeakPassword("too_long", length=settings.max_length)
    normal = unicodedata.normalize("NFC", text) if settings.normalize else text
    encoded, typed = _utf8(normal), _utf8(text)
    if encoded is None or typed is None:
        raise WeakPassword("not_text")
    if len(normal) > settings.max_length or len(encoded) > settings.max_bytes:
        raise WeakPassword("too_long", length=settings.max_length)
    return PasswordBytes(encoded, typed)


def _utf8(text: str) -> bytes | None:
    # Apart, so that the refusal has no context: a UnicodeEncodeError quotes the password.
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None
