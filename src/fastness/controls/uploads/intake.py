"""Takes the files out of a form while it arrives: written to disk piece by piece, refused as soon as it is known why."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from fastness.controls.uploads.archives import ArchiveLimits, check_archive
from fastness.controls.uploads.form import Form, Part
from fastness.controls.uploads.formats import anything, images, mp4
from fastness.controls.uploads.kinds import HEAD, Kind, decide
from fastness.controls.uploads.refusals import (
    BadFileName,
    BadForm,
    FileMissing,
    FileTooLarge,
    FormTooLarge,
    TooManyFiles,
    UnknownField,
)
from fastness.controls.uploads.tail import check_tail
from fastness.controls.uploads.text import Text
from fastness.controls.uploads.uploaded import Uploaded, random_name
from fastness.controls.uploads.walk import Walk
from fastness.core.errors import Unavailable
from fastness.core.file_name import UnsafeName, safe_file_name

_BUFFER = 262_144
_TEXT_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Policy:
    """What a route takes. Sizes in bytes."""

    field: str
    kinds: tuple[Kind, ...]
    max_bytes: int
    max_total: int
    max_files: int
    fields: frozenset[str]
    max_pixels: int
    archives: ArchiveLimits
    folder: Path


class Intake:
    """One request's files. Always `discard()` in the end."""

    def __init__(self, policy: Policy, boundary: bytes, served: tuple[Path, ...]) -> None:
        self.files: list[Uploaded] = []
        self.fields: dict[str, str] = {}
        self._policy, self._served = policy, served
        self._form = Form(boundary)
        self._formats = images(policy.max_pixels) | {"mp4": mp4}
        self._read = 0
        self._text: tuple[str, bytearray] | None = None
        self._file: _Arriving | None = None
        self._empty = False

    async def feed(self, chunk: bytes) -> None:
        """
        Raises:
            Refused: as soon as it is known why.
        """
        self._read += len(chunk)
        if self._read > self._policy.max_total:
            raise FormTooLarge(members={"max_bytes": self._policy.max_total})
        for piece in self._form.feed(chunk):
            match piece:
                case Part():
                    self._begin(piece)
                case bytes():
                    await self._take(piece)
                case None:
                    await self._end()

    async def close(self) -> None:
        """
        Raises:
            BadForm: the form broke off.
            FileMissing: there was no file.
        """
        self._form.close()
        if not self.files:
            raise FileMissing
        for file in self.files:
            file.fields = self.fields

    def discard(self) -> None:
        """Remove what was not kept."""
        if self._file is not None:
            self._file.discard()
        for file in self.files:
            file.discard()

    def _begin(self, part: Part) -> None:
        policy = self._policy
        if part.file_name is None:
            if part.name == policy.field:
                raise FileMissing("text in the place of a file")
            if part.name not in policy.fields or part.name in self.fields:
                raise UnknownField("a text field")
            self._text = (part.name, bytearray())
            return
        if part.name != policy.field:
            raise UnknownField("a file in another field")
        self._empty = not part.file_name
        if len(self.files) >= policy.max_files:
            raise TooManyFiles(members={"max_files": policy.max_files})
        try:
            name = safe_file_name(part.file_name) if part.file_name else ""
        except UnsafeName as unsafe:
            raise BadFileName(members={"errors": [{"loc": ["body", part.name], "msg": str(unsafe)}]}) from None
        self._file = _Arriving(self, name, part.media_type)

    async def _take(self, data: bytes) -> None:
        if self._file is not None:
            await self._file.feed(data)
        elif self._text is not None:
            self._text[1].extend(data)
            if len(self._text[1]) > _TEXT_BYTES:
                raise FormTooLarge(members={"max_bytes": _TEXT_BYTES})

    async def _end(self) -> None:
        if self._text is not None:
            name, value = self._text
            self._text = None
            try:
                self.fields[name] = value.decode()
            except UnicodeDecodeError:
                raise BadForm("a text field is not UTF-8") from None
        elif self._file is not None:
            if self._empty and not self._file.size:  # what a browser sends where nothing was chosen
                self._file.discard()
            else:
                self.files.append(await self._file.close())
            self._file = None

    @property
    def policy(self) -> Policy:
        """What this route takes."""
        return self._policy

    def walk(self, kind: Kind, head: bytes) -> Walk | Text:
        """What looks at a file of this type while it arrives."""
        if kind.content in {"text", "markup"}:
            return Text(kind.name, head)
        return Walk(self._formats.get(kind.content, anything))

    @property
    def served(self) -> tuple[Path, ...]:
        """Folders that the application serves."""
        return self._served


class _Arriving:
    """A file on its way to the disk."""

    def __init__(self, intake: Intake, name: str, declared: str) -> None:
        self._intake, self._name, self._declared = intake, name, declared
        self._path = intake.policy.folder / random_name(".upload")
        self._descriptor = -1
        self._discarded, self._disk = False, threading.Lock()
        self._buffer = bytearray()
        self._kind: Kind | None = None
        self._walk: Walk | Text | None = None
        self.size = 0

    async def feed(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._intake.policy.max_bytes:
            raise FileTooLarge(members={"max_bytes": self._intake.policy.max_bytes})
        self._buffer += data
        if self._walk is None:
            if len(self._buffer) < HEAD:
                return
            self._decide()
        else:
            self._walk.feed(data)
        if len(self._buffer) >= _BUFFER:
            await self._write()

    async def close(self) -> Uploaded:
        if self._walk is None:
            self._decide()
        assert self._walk is not None  # noqa: S101 - decided right above
        assert self._kind is not None  # noqa: S101
        self._walk.close()
        await self._write()
        os.close(self._descriptor)
        self._descriptor = -1
        kind = self._kind
        if kind.content == "zip":
            await to_thread.run_sync(check_archive, self._path, kind.name, self._intake.policy.archives)
        else:
            await to_thread.run_sync(check_tail, self._path, kind.name)
        ending = f".{kind.extensions[0]}"
        return Uploaded(self._name, kind.media_types[0], ending, self.size, self._path, served=self._intake.served)

    def discard(self) -> None:
        with self._disk:
            self._discarded = True
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            self._path.unlink(missing_ok=True)

    def _decide(self) -> None:
        head = bytes(self._buffer[:HEAD])
        self._kind = decide(head, name=self._name, declared=self._declared, allowed=self._intake.policy.kinds)
        self._walk = self._intake.walk(self._kind, head)
        self._walk.feed(bytes(self._buffer))

    async def _write(self) -> None:
        # In a thread: a disk under pressure must not stop the event loop. Cancelled meanwhile, the thread may write on, or
        # begin only then: what is discarded stays discarded.
        try:
            await to_thread.run_sync(self._to_disk, bytes(self._buffer))
        except OSError as error:
            raise Unavailable(f"uploads: {error.strerror}") from error
        self._buffer.clear()

    def _to_disk(self, data: bytes) -> None:
        with self._disk:
            if self._discarded:
                return
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
