"""multipart/form-data as it arrives: parts, one after the other, nothing kept (RFC 7578, RFC 2046).

Stricter than browsers need: one name and one file name per part, in the plain form. `filename*` (RFC 5987) is not
allowed in forms by RFC 7578 section 4.2, and is where two parsers read two names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from fastness.controls.uploads.refusals import BadForm, NotMultipart

_CONTENT_TYPE = re.compile(rb'multipart/form-data\s*;\s*boundary=(?:"([^"\\]*)"|([^\s";,]+))\s*', re.IGNORECASE)
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PARAMETER = re.compile(r'\s*;\s*([A-Za-z][A-Za-z*0-9-]*)\s*=\s*(?:"([^"\\]*)"|([^\s";\\]+))')
_MEDIA_TYPE = re.compile(r"([A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64})\s*(?:;.*)?")
_PLAIN = frozenset({"binary", "7bit", "8bit"})
_HEADERS, _HEADER_BYTES = 8, 4096


@dataclass(frozen=True, slots=True)
class Part:
    """The head of one part."""

    name: str
    file_name: str | None
    """None for a text field; empty where a browser sends a file field without a file."""
    media_type: str
    """What the client declares, in lower case; empty when it declares nothing."""


Piece = Part | bytes | None
"""The head of a part, some of its content, or its end."""


def boundary_of(content_type: bytes | None) -> bytes:
    """The boundary of a form with files.

    Raises:
        NotMultipart: the content type is another one, or its boundary none that RFC 2046 allows.
    """
    match = _CONTENT_TYPE.fullmatch(content_type or b"")
    boundary = (match[1] if match[1] is not None else match[2]) if match else b""
    if not _BOUNDARY.fullmatch(boundary):
        raise NotMultipart
    return boundary


class Form:
    """Reads a form piece by piece."""

    def __init__(self, boundary: bytes) -> None:
        self._pieces: list[Piece] = []
        self._headers: list[tuple[bytes, bytes]] = []
        self._name = self._value = b""
        self._ended = False
        callbacks = {
            "on_part_begin": self._headers.clear,
            "on_part_data": self._on_data,
            "on_part_end": lambda: self._pieces.append(None),
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_headers_finished": self._on_headers,
            "on_end": self._on_end,
        }
        self._parser = MultipartParser(
            boundary,
            callbacks,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            max_header_count=_HEADERS,
            max_header_size=_HEADER_BYTES,
        )

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """What became known by `chunk`.

        Raises:
            BadForm: it is malformed.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadForm(type(error).__name__) from None
        pieces, self._pieces = self._pieces, []
        yield from pieces

    def close(self) -> None:
        """
        Raises:
            BadForm: the form broke off before its last boundary.
        """
        if not self._ended:
            raise BadForm("no closing boundary")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._pieces.append(data[start:end])

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers.append((self._name.lower(), self._value))
        self._name = self._value = b""

    def _on_headers(self) -> None:
        headers = dict(self._headers)
        if len(headers) != len(self._headers):
            raise BadForm("a header of a part is repeated")
        if headers.get(b"content-transfer-encoding", b"binary").strip().lower().decode("latin-1") not in _PLAIN:
            raise BadForm("a part is encoded")
        name, file_name = _disposition(headers.get(b"content-disposition", b""))
        self._pieces.append(Part(name, file_name, _declared(headers.get(b"content-type", b""))))

    def _on_end(self) -> None:
        self._ended = True


def _disposition(raw: bytes) -> tuple[str, str | None]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadForm("a Content-Disposition is not UTF-8") from None
    kind, _, _ = text.partition(";")
    place, found = len(kind), dict[str, str]()
    while match := _PARAMETER.match(text, place):
        if match[1].lower() in found:
            raise BadForm("a parameter of Content-Disposition is repeated")
        found[match[1].lower()] = match[2] if match[2] is not None else match[3]
        place = match.end()
    if kind.strip().lower() != "form-data" or text[place:].strip() or not found.keys() <= {"name", "filename"}:
        raise BadForm("Content-Disposition is not form-data with a name")
    if not found.get("name"):
        raise BadForm("a part has no name")
    return found["name"], found.get("filename")


def _declared(raw: bytes) -> str:
    if not raw:
        return ""
    match = _MEDIA_TYPE.fullmatch(raw.decode("latin-1").strip())
    if match is None:
        raise BadForm("a Content-Type of a part is malformed")
    return match[1].lower()
