"""The base of request bodies: nothing unknown, nothing coerced, nothing that UTF-8 or JSON cannot carry back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import core_schema

from fastness.controls.fields.strictness import tighten
from fastness.core.declare import provides

_SECRET_WORDS = (
    "password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "private_key", "credential",
    "authorization", "cookie", "otp", "recovery_code", "pin_code", "cvv", "signature",
)  # fmt: skip


@provides("fields")
class StrictModel(BaseModel):
    """A JSON body that says exactly what it means.

    Unknown fields are refused (API3:2023, ASVS 15.3.3). `"1"` is no number, `1` no text and no boolean, at any depth;
    dates, UUIDs, decimals and enums are still read from text, since JSON has no other form for them. NaN, Infinity and
    lone surrogates are refused, in `Any` too. `repr` masks fields whose names say they are secret, and the text of a
    validation error holds no input. `ValidationError.errors()` still does: give outsiders `include_input=False`.

    Query strings and forms are all text: use `BaseModel` with field types for them.
    """

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, validate_default=False, protected_namespaces=()
    )

    secret_words: ClassVar[tuple[str, ...]] = _SECRET_WORDS
    """Parts of field names that `repr` masks."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        schema = handler(source)
        tighten(schema, handler)
        return schema

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, "**********" if name and value and self._secret(name) else value

    @classmethod
    def _secret(cls, name: str) -> bool:
        lowered = name.lower().replace("-", "_")
        return any(word in lowered for word in cls.secret_words)
