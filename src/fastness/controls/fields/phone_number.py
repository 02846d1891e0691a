"""Telephone numbers in their one international form (ITU-T E.164). Needs the `phone` extra."""

from __future__ import annotations

import importlib
import re
import unicodedata
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from fastness.controls.fields.text import Checked, wrong
from fastness.core.errors import MissingExtra

_LONGEST = 32  # 15 digits, a sign, and what people put between them
_E164 = 16  # a sign and 15 digits (ITU-T E.164, section 6.1)
# No letters: the library reads "1-800-FLOWERS", `;ext=` and `tel:` too, and each of them is a second spelling.
_TYPED = re.compile(r"[+(0-9][0-9 ()./\u00a0\u2010-\u2015-]*")


class Phone:
    """`Annotated[str, Phone("DE")]`: a number that exists by the numbering plan, kept as `+4930123456`.

    With a region (ISO 3166-1), a number without `+` is one of that country; without, `+` is needed. Spaces, hyphens,
    dots, slashes and brackets may stand in it; letters and extensions may not. Whether anybody answers, and who, only a
    call or a message tells.
    """

    def __init__(self, region: str | None = None) -> None:
        """
        Raises:
            ValueError: `region` is no country that the numbering plan knows.
            MissingExtra: phonenumbers is not installed.
        """
        try:
            self._library: Any = importlib.import_module("phonenumbers")
        except ImportError:
            raise MissingExtra("PhoneNumber", "phone") from None
        if region is not None and region not in self._library.SUPPORTED_REGIONS:
            raise ValueError('Phone needs a country as two capital letters, such as Phone("DE")')
        self.region = region

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return self._checked().__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self._checked().__get_pydantic_json_schema__(schema, handler)

    def _checked(self) -> Checked:
        example = self._library.example_number(self.region) if self.region else None
        shown = self._e164(example) if example else "+442079460018"
        return Checked(self.clean, {"format": "tel", "minLength": 3, "maxLength": _LONGEST, "examples": [shown]})

    def clean(self, value: str) -> str:
        """The number to keep, in E.164.

        Raises:
            PydanticCustomError: type `fastness_phone_number`.
        """
        if len(value) > _LONGEST:
            raise self._refusal()
        typed = unicodedata.normalize("NFKC", value).strip(" ")  # full-width digits are typed by accident
        if _TYPED.fullmatch(typed) is None or (self.region is None and not typed.startswith("+")):
            raise self._refusal()
        try:
            number = self._library.parse(typed, self.region)
        except self._library.NumberParseException:
            raise self._refusal() from None
        if not self._library.is_valid_number(number):
            raise self._refusal()
        kept = self._e164(number)
        if len(kept) > _E164:
            raise self._refusal()  # some national plans, as the library knows them, go past what E.164 allows
        return kept

    def _e164(self, number: Any) -> str:
        return str(self._library.format_number(number, self._library.PhoneNumberFormat.E164))

    def _refusal(self) -> PydanticCustomError:
        how = (
            f"with + and the country, or as it is dialled in {self.region}" if self.region else "with + and the country"
        )
        return wrong("phone_number", f"Give a telephone number {how}, without letters and without an extension")


class _International:
    """`Phone()`, made when a model first asks: the library is large, and an extra."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return Phone().__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return Phone().__get_pydantic_json_schema__(schema, handler)


PhoneNumber = Annotated[str, _International()]
"""A telephone number of any country, sent with `+`, kept in E.164 (`+442079460018`)."""
