"""What a file is, by its content; and which names and media types may go with it (ASVS 5.2.2).

A table of our own: the formats that web applications take, and no more. `python-magic` and `filetype` have had no
release since 2022, and a library that knows a thousand formats accepts a thousand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastness.controls.uploads.refusals import TypeMismatch, TypeRefused
from fastness.core.file_name import extension

HEAD = 1024
"""Bytes that decide what a file is."""

_SIGNATURES = {
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "pdf": re.compile(rb"%PDF-[12]\.[0-9]"),
    "zip": re.compile(rb"PK\x03\x04"),
    "mp4": re.compile(rb"....ftyp(?:isom|iso[2-6]|mp4[12]|avc1|M4[AV] |dash|3gp[45])", re.DOTALL),
    "webm": re.compile(rb"\x1a\x45\xdf\xa3.{1,40}webm", re.DOTALL),
    "mp3": re.compile(rb"ID3|\xff[\xf2\xf3\xfa\xfb]"),
    "markup": re.compile(rb"(?:\xef\xbb\xbf)?\s*<[A-Za-z!?%/]"),
}
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_EVERY_OFFICE = "application/vnd.openxmlformats-officedocument."


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of file."""

    name: str
    content: str
    """What its first bytes look like: several types may share one content (text, zip)."""
    media_types: tuple[str, ...]
    """The first is the one we use; the others are what clients say too."""
    extensions: tuple[str, ...]


def _kind(name: str, content: str, media_types: str, extensions: str) -> Kind:
    return Kind(name, content, tuple(media_types.split()), tuple(extensions.split()))


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind("png", "png", "image/png image/apng", "png apng"),
        _kind("jpeg", "jpeg", "image/jpeg image/jpg image/pjpeg", "jpg jpeg jpe jfif"),
        _kind("gif", "gif", "image/gif", "gif"),
        _kind("webp", "webp", "image/webp", "webp"),
        _kind("pdf", "pdf", "application/pdf", "pdf"),
        _kind("zip", "zip", "application/zip application/x-zip-compressed application/x-zip", "zip"),
        _kind("docx", "zip", f"{_EVERY_OFFICE}wordprocessingml.document", "docx"),
        _kind("xlsx", "zip", f"{_EVERY_OFFICE}spreadsheetml.sheet", "xlsx"),
        _kind("pptx", "zip", f"{_EVERY_OFFICE}presentationml.presentation", "pptx"),
        _kind("mp4", "mp4", "video/mp4 audio/mp4 audio/x-m4a video/x-m4v", "mp4 m4v m4a"),
        _kind("webm", "webm", "video/webm audio/webm", "webm"),
        _kind("mp3", "mp3", "audio/mpeg audio/mp3", "mp3"),
        _kind("text", "text", "text/plain", "txt text log"),
        _kind("csv", "text", "text/csv application/csv application/vnd.ms-excel text/plain", "csv"),
        _kind("json", "text", "application/json text/json", "json"),
        _kind("unsafe_svg", "markup", "image/svg+xml", "svg"),
        _kind("unsafe_html", "markup", "text/html application/xhtml+xml", "html htm xhtml"),
    )
}
"""Every type, by the name that `upload(types=...)` takes; the general one of a content before the special ones."""


def content_of(head: bytes) -> str | None:
    """What the first bytes are, whatever anybody says about them; None for nothing we know."""
    for content, signature in _SIGNATURES.items():
        if signature.match(head):
            return content
    return "text" if _CONTROL.search(head) is None and _starts_as_text(head) else None


def decide(head: bytes, *, name: str, declared: str, allowed: Iterable[Kind]) -> Kind:
    """The type of a file, when content, extension and declaration agree.

    Raises:
        TypeRefused: the content is of no allowed type.
        TypeMismatch: the name or the declared type is another one's.
    """
    content = content_of(head)
    allowed = tuple(allowed)
    possible = [kind for kind in allowed if kind.content == content]
    if not possible:
        members = {"allowed": [kind.media_types[0] for kind in allowed]}
        raise TypeRefused(f"content: {content or 'unknown'}", members=members)
    ending = extension(name)
    if ending:
        possible = [kind for kind in possible if ending in kind.extensions]
    if declared not in _UNTOLD:
        possible = [kind for kind in possible if declared in kind.media_types]
    if not possible:
        raise TypeMismatch(f"content: {content}")
    return possible[0]


def _starts_as_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character that the cut went through
    return True
