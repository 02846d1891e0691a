"""API keys for programs: long-lived, scoped, expiring, and worth nothing to whoever reads the database.

OWASP REST Security cheat sheet; API Security Top 10:2023 API2; ASVS 5.0 7.2.3, 11.5.1, 14.2.1.
"""

from fastness.controls.apikeys.authenticator import ApiKeys, InvalidApiKey, MintedKey
from fastness.controls.apikeys.memory import MemoryApiKeys
from fastness.controls.apikeys.settings import ApiKeySettings
from fastness.controls.apikeys.text import KeyText
from fastness.core.api_keys import ApiKey, ApiKeyStore

__all__ = [
    "ApiKey",
    "ApiKeySettings",
    "ApiKeyStore",
    "ApiKeys",
    "InvalidApiKey",
    "KeyText",
    "MemoryApiKeys",
    "MintedKey",
]
