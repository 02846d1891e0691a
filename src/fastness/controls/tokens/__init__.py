"""Access tokens: short-lived JWTs with one way to issue them and one way to verify them (RFC 7519, 8725, 9068)."""

from fastness.controls.tokens.jwt import Tokens
from fastness.controls.tokens.keys import TokenKeys
from fastness.controls.tokens.revocations import Revocations
from fastness.controls.tokens.settings import TokenSettings
from fastness.controls.tokens.signing_key import SigningKey

__all__ = ["Revocations", "SigningKey", "TokenKeys", "TokenSettings", "Tokens"]
