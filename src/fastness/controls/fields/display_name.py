"""A name that other people read: letters of any script, nothing that hides, turns or piles up."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from fastness.controls.fields.text import Checked, PlainText, wrong

_LONGEST = 100
_MARKS_IN_A_ROW = 4
_text = PlainText(_LONGEST, shortest=1)
_SPACES = re.compile("  +")


def check_display_name(value: str) -> str:
    """The name to keep: NFC, trimmed, one space where several stood.

    Joiners stay where Indic scripts and Persian need them, and nowhere else.

    Raises:
        PydanticCustomError: type `fastness_text_length`, `fastness_text_characters` or `fastness_display_name`.
    """
    name = _SPACES.sub(" ", _text.clean(value))
    if not any(character.isalnum() for character in name):
        raise wrong("display_name", "A name should have at least one letter or digit")
    in_a_row = 0
    for character in name:
        in_a_row = in_a_row + 1 if unicodedata.category(character)[0] == "M" else 0
        if in_a_row > _MARKS_IN_A_ROW:
            raise wrong("display_name", "A name should not pile up accents")
    return name


DisplayName = Annotated[str, Checked(check_display_name, {"minLength": 1, "maxLength": _LONGEST})]
"""1 to 100 characters. Not an identity: two people may look the same. Escape it where it is shown."""
