"""Passwords in microseconds."""

from __future__ import annotations

from fastness.controls.passwords import PasswordSettings


def unsafe_fast_hasher() -> PasswordSettings:
    """Real Argon2id at its lowest cost, for `ServiceSettings(passwords=...)`. Production refuses to start with it."""
    return PasswordSettings.unsafe_for_tests()
