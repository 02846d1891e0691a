"""A password that somebody chooses now: kept secret from the first moment, bounded, otherwise untouched.

Whether it is strong enough is another question, which the password policy answers.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SecretStr
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from fastness.controls.fields.text import wrong
from fastness.core.characters import lone_surrogate

_LONGEST = 256  # code points, so at most 1,024 bytes of UTF-8 (ASVS 6.2.9, NIST SP 800-63B-4)


class _Rules:
    """1 to 256 code points of any kind, NUL, spaces and line feeds included: nothing is cut, trimmed or replaced."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        # Hidden first, checked second: the `input` of a validation error is then the mask, never the password.
        return core_schema.chain_schema(
            [
                core_schema.no_info_plain_validator_function(_hide),
                core_schema.no_info_after_validator_function(_check, handler(source)),
            ]
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema, handler
        return {"type": "string", "format": "password", "writeOnly": True, "minLength": 1, "maxLength": _LONGEST}


def _hide(value: object) -> SecretStr:
    match value:
        case SecretStr():
            return value
        case str():
            return SecretStr(value)
        case _:
            return SecretStr("")  # a number or a list is refused as empty: it may still be somebody's password


def _check(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not 1 <= len(value) <= _LONGEST:
        raise wrong("password_length", f"A password is text of 1 to {_LONGEST} characters")
    if lone_surrogate(value):
        raise wrong("password_unicode", "A password should be valid Unicode, without lone surrogates")
    return secret


NewPassword = Annotated[SecretStr, _Rules()]
"""A `SecretStr` of 1 to 256 code points. Also right for the password of a sign-in: it bounds the work of the hash."""
