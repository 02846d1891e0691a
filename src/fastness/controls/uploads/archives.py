"""What is checked in an archive before anybody unpacks it, and at the end of every other file.

ASVS 5.2.3 (size and number before unpacking), 5.2.5 (links), 5.3.3 (paths). Every entry is inflated once and thrown
away: a header may lie about its size. Runs in a thread; at most `unpacked` bytes are inflated.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from zlib import error as ZlibError  # noqa: N812 - a class, spelt as one

from fastness.controls.uploads.refusals import ArchiveUnsafe, FileDamaged, TypeMismatch

_END = b"PK\x05\x06"
_TAIL = 65_557  # the end record and its longest comment
_PER_ENTRY = 1024
_PIECE = 65_536
_SMALL = 2**20
_ZIP64 = frozenset({0xFFFF, 0xFFFFFFFF})
_OFFICE = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/presentation.xml"}
_PATH = re.compile(r"^[/\\]|^[A-Za-z]:|\\|\x00|(?:^|/)\.\.?(?:/|$)|[\x01-\x1f\x7f]")
_NESTED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much may be inside a zip file, or a document that is one.

    Args:
        entries: files and folders.
        unpacked: bytes of all together.
        ratio: unpacked to packed; archives of less than 1 MiB inside may have more.
    """

    entries: int = 1_000
    unpacked: int = 100 * 2**20
    ratio: int = 100


def check_archive(path: Path, kind: str, limits: ArchiveLimits) -> None:
    """
    Raises:
        ArchiveUnsafe: too much inside, an entry that is encrypted, a link, an archive, outside its folder, or there twice.
        FileDamaged: broken, or something stands before, between or behind the entries.
        TypeMismatch: a document that is none.
    """
    _check_directory(path, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(entries, path.stat().st_size, limits)
            _check_office({entry.filename for entry in entries}, kind)
            _inflate(archive, entries, limits, nested=kind != "zip")
    except (zipfile.BadZipFile, ZlibError, NotImplementedError, RuntimeError, ValueError, EOFError, OverflowError):
        raise FileDamaged("the archive is broken") from None


def check_tail(path: Path, kind: str) -> None:
    """What only the end of a file tells.

    Raises:
        FileDamaged: a PDF or JPEG that breaks off, or an archive behind something else (CWE-646: GIFAR and its kin).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    if kind == "pdf" and b"%%EOF" not in tail[-1024:]:
        raise FileDamaged("the PDF breaks off")
    if kind == "jpeg" and b"\xff\xd9" not in tail:
        raise FileDamaged("the JPEG breaks off")
    if _end_record(tail) is not None:
        raise FileDamaged("an archive behind the file")


def _end_record(tail: bytes) -> int | None:
    """Where the end record of a zip file is, whose comment reaches exactly to the end."""
    place = tail.rfind(_END)
    while place >= 0:
        if len(tail) >= place + 22 and place + 22 + struct.unpack_from("<H", tail, place + 20)[0] == len(tail):
            return place
        place = tail.rfind(_END, 0, place)
    return None


def _check_directory(path: Path, limits: ArchiveLimits) -> None:
    # Before the standard library reads the directory: its length is the archive's own word.
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    place = _end_record(tail)
    if place is None:
        raise FileDamaged("the archive breaks off, or something stands behind it")
    disk, first, here, total, length, offset = struct.unpack_from("<4H2L", tail, place + 4)
    if disk or first or here != total or _ZIP64 & {here, length, offset}:
        raise ArchiveUnsafe("several volumes, or zip64")
    if total > limits.entries or length > _PER_ENTRY * limits.entries:
        raise ArchiveUnsafe("too many entries", members={"max_entries": limits.entries})
    if offset + length != size - len(tail) + place:
        raise FileDamaged("something stands before or between the parts of the archive")


def _check_entries(entries: list[zipfile.ZipInfo], size: int, limits: ArchiveLimits) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.unpacked or (unpacked > _SMALL and unpacked > limits.ratio * size):
        raise ArchiveUnsafe("too much inside", members={"max_unpacked": limits.unpacked, "max_ratio": limits.ratio})
    if len({entry.filename.casefold() for entry in entries}) != len(entries):
        raise ArchiveUnsafe("two entries with one name")
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end or (not end and entry.header_offset):
            raise ArchiveUnsafe("entries that overlap, or something before the first")
        end = entry.header_offset + 30 + entry.compress_size
        if entry.flag_bits & 1:
            raise ArchiveUnsafe("an encrypted entry")
        if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise ArchiveUnsafe("a link or a device")
        # The library has already cut a name at its NUL.
        if _PATH.search(entry.orig_filename):
            raise ArchiveUnsafe("a path that leaves the folder")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ArchiveUnsafe("a rare compression")


def _check_office(names: set[str], kind: str) -> None:
    if kind not in _OFFICE:
        return
    if not {"[Content_Types].xml", _OFFICE[kind]} <= names:
        raise TypeMismatch("not such a document")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise ArchiveUnsafe("macros")


def _inflate(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], limits: ArchiveLimits, *, nested: bool) -> None:
    left = limits.unpacked
    for entry in entries:
        with archive.open(entry) as file:
            piece = file.read(_PIECE)
            # The limits would hold for the outer archive alone. Documents hold tables in documents: those stay.
            if not nested and piece.startswith(_NESTED):
                raise ArchiveUnsafe("an archive inside an archive")
            while piece:
                left -= len(piece)
                if left < 0:
                    raise ArchiveUnsafe("too much inside", members={"max_unpacked": limits.unpacked})
                piece = file.read(_PIECE)
