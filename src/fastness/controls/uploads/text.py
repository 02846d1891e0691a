"""Text while it arrives: UTF-8 throughout, and no control characters."""

from __future__ import annotations

import codecs
import re

from fastness.controls.uploads.refusals import FileDamaged, TypeMismatch

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_JSON = re.compile(rb'\s*[\[{"0-9tfn-]')
_TAGS = {"unsafe_svg": re.compile(rb"<svg[\s>/]", re.IGNORECASE), "unsafe_html": re.compile(rb"<", re.IGNORECASE)}


class Text:
    """Feeds on the bytes of a text file."""

    def __init__(self, kind: str, head: bytes) -> None:
        """
        Raises:
            TypeMismatch: JSON that does not begin as JSON does, SVG without its element.
        """
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        if kind == "json" and _JSON.match(head.removeprefix(codecs.BOM_UTF8)) is None:
            raise TypeMismatch("not JSON")
        if kind in _TAGS and _TAGS[kind].search(head) is None:
            raise TypeMismatch("other markup")

    def feed(self, data: bytes) -> None:
        """
        Raises:
            FileDamaged: control characters, or bytes that are no UTF-8.
        """
        if _CONTROL.search(data):
            raise FileDamaged("control characters in text")
        try:
            self._decoder.decode(data)
        except UnicodeDecodeError:
            raise FileDamaged("text is not UTF-8") from None

    def close(self) -> None:
        """
        Raises:
            FileDamaged: the last character is cut in two.
        """
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise FileDamaged("text is not UTF-8") from None
