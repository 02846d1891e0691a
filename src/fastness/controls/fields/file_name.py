"""The name of a file that somebody gives: kept for people to read, never a path to write to (ASVS 5.3.2, 5.4.1)."""

from __future__ import annotations

from typing import Annotated

from fastness.controls.fields.text import Checked, wrong
from fastness.core.file_name import LONGEST, UnsafeName, safe_file_name


def check_file_name(value: str) -> str:
    """The name to keep: NFC, trimmed. What is refused stands at `fastness.core.file_name.safe_file_name`.

    Raises:
        PydanticCustomError: type `fastness_file_name`.
    """
    try:
        return safe_file_name(value)
    except UnsafeName as unsafe:
        raise wrong("file_name", str(unsafe)) from None


FileName = Annotated[
    str, Checked(check_file_name, {"minLength": 1, "maxLength": LONGEST, "examples": ["Report 2026.pdf"]})
]
"""One file name of at most 255 bytes, without a folder. Store the file under a name of your own, and this one beside."""
