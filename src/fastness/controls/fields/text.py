"""A string that is checked at the door: the one shape of every text field, and plain text itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from fastness.core.characters import hidden, joins_letters, lone_surrogate


def wrong(kind: str, message: str) -> PydanticCustomError:
    """A validation error of type `fastness_<kind>`. `message` is shown to outsiders: it never contains input."""
    # PydanticCustomError takes a LiteralString to stop input from getting in; the callers of this function are few.
    return PydanticCustomError(f"fastness_{kind}", message)  # type: ignore[arg-type,unused-ignore]  # pyright: ignore[reportArgumentType]


def encodable(value: str) -> str:
    """`value`, unless it holds a lone surrogate: JSON can carry one, UTF-8 and every database refuse it.

    Raises:
        PydanticCustomError: type `fastness_unicode`.
    """
    if lone_surrogate(value):
        raise wrong("unicode", "Text should be valid Unicode, without lone surrogates")
    return value


@dataclass(frozen=True, slots=True, eq=False)  # hashable, so that `X | None` works in an annotation
class Checked:
    """Metadata for `Annotated[str, ...]`: strictly a string, then `check`, which gives the clean text or raises."""

    check: Callable[[str], str]
    json_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        del source, handler
        return core_schema.no_info_after_validator_function(self._run, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema, handler
        return {"type": "string", **self.json_schema}

    def _run(self, value: str) -> str:
        return self.check(encodable(value))


class PlainText:
    """`Annotated[str, PlainText(500)]`: at most `longest` characters of NFC text, trimmed; empty is allowed.

    Refused: control characters, bidirectional controls (CVE-2021-42574), invisible characters, private and unassigned
    code points. `lines=True` lets line feeds in, CR LF becomes LF, and a tab is still refused. The text is data, not
    markup: escape it where it is shown (ASVS 1.2.1, 1.3.3).
    """

    def __init__(self, longest: int, *, shortest: int = 0, lines: bool = False) -> None:
        """`longest` and `shortest` in characters (code points) after trimming.

        Raises:
            ValueError: when no text could satisfy the two.
        """
        if not 0 <= shortest <= longest or longest < 1:
            raise ValueError("PlainText needs 0 <= shortest <= longest and longest >= 1")
        self.longest, self.shortest, self.lines = longest, shortest, lines

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return self._checked().__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self._checked().__get_pydantic_json_schema__(schema, handler)

    def _checked(self) -> Checked:
        return Checked(self.clean, {"minLength": self.shortest, "maxLength": self.longest})

    def clean(self, value: str) -> str:
        """The text to keep.

        Raises:
            PydanticCustomError: type `fastness_text_length` or `fastness_text_characters`.
        """
        # Twice: the first look keeps 10 MB away from the normaliser, which may also lengthen a text.
        if len(value) > 4 * self.longest:
            raise self._length()
        text = unicodedata.normalize("NFC", value.replace("\r\n", "\n") if self.lines else value)
        if not text.isascii() or not text.isprintable():
            self._look_at_each(text)
        text = text.strip()
        if not self.shortest <= len(text) <= self.longest:
            raise self._length()
        return text

    def _look_at_each(self, text: str) -> None:
        for place, character in enumerate(text):
            if not hidden(character) or (self.lines and character == "\n") or joins_letters(text, place):
                continue
            raise wrong("text_characters", "Text should have no control, direction or invisible characters")

    def _length(self) -> PydanticCustomError:
        return wrong("text_length", f"Text should have {self.shortest} to {self.longest} characters")
