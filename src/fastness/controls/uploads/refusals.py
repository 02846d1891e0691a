"""Why an upload is refused; each class is one stable code."""

from __future__ import annotations

from typing import ClassVar

from fastapi import HTTPException

from fastness.core.errors import Refused
from fastness.core.events import EventType
from fastness.core.exchange import Exchange


class NotMultipart(Refused):
    """The body is no form with files."""

    code, status, public = "not_multipart", 415, "Send the file as multipart/form-data with a boundary."


class TypeRefused(Refused):
    """The content is of no type that this route takes."""

    code, status, public = "file_type_refused", 415, "Files of this type are not accepted here."
    event: ClassVar[EventType | None] = EventType.UPLOAD_VALIDATION


class TypeMismatch(Refused):
    """Content, extension and declared type do not agree (ASVS 5.2.2)."""

    code, status, public = "file_type_mismatch", 422, "The file is not what its name or declared type says."
    event: ClassVar[EventType | None] = EventType.UPLOAD_VALIDATION


class FileDamaged(Refused):
    """The content breaks off, goes on after its end, or is two formats at once."""

    code, status, public = "file_damaged", 422, "The file is damaged, or holds more than one format."
    event: ClassVar[EventType | None] = EventType.UPLOAD_VALIDATION


class ArchiveUnsafe(Refused):
    """An archive that is dangerous to unpack (ASVS 5.2.3, 5.2.5, 5.3.3)."""

    code, status, public = "archive_unsafe", 422, "The archive is not safe to unpack."
    event: ClassVar[EventType | None] = EventType.UPLOAD_VALIDATION


class ImageTooLarge(Refused):
    """An image with more pixels than the limit (ASVS 5.2.6)."""

    code, status, public = "image_too_large", 413, "The image has too many pixels."


class FileTooLarge(Refused):
    """One file is larger than the limit."""

    code, status, public = "file_too_large", 413, "The file is too large."


class TooManyFiles(Refused):
    """More files than the route takes."""

    code, status, public = "too_many_files", 413, "Too many files in one request."


class FormTooLarge(Refused):
    """The whole body, or the text beside the files, is larger than the limit."""

    code, status, public = "form_too_large", 413, "The form is too large."


class BadForm(Refused):
    """The multipart body is malformed or breaks off."""

    code, status, public = "bad_form", 422, "The form is malformed, or it was cut off."


class BadFileName(Refused):
    """The file's name is none that every system reads the same way. `members` say what to do."""

    code, status, public = "bad_file_name", 422, "This file name is not accepted."
    event: ClassVar[EventType | None] = EventType.UPLOAD_VALIDATION


class UnknownField(Refused):
    """A field that this form does not have, or one that was sent twice."""

    code, status, public = "unknown_field", 422, "The form has a field that is not expected here, or one twice."


class FileMissing(Refused):
    """The form has no file in the field where one is needed."""

    code, status, public = "file_missing", 422, "There is no file in the form."


class TooSlow(Refused):
    """The body did not arrive in time."""

    code, status, public = "upload_too_slow", 408, "The upload took too long."


def answerable(exchange: Exchange | None, refused: Refused) -> Exception:
    """The refusal itself where a chain renders it; where none does, the exception that FastAPI knows."""
    if exchange is not None:
        return refused
    detail = {"code": refused.code, "message": refused.public, **refused.members}
    return HTTPException(refused.status, detail, headers=refused.headers or None)
