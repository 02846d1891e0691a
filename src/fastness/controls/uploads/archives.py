"""What is checked in an archive before anybody unpacks it.

ASVS 5.2.3 (size and number before unpacking), 5.2.5 (links), 5.3.3 (paths). Every entry is inflated once and thrown
away: a header may lie about its size. Runs in a thread; at most `unpacked` bytes are inflated.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastness.controls.uploads.entries import Place, content, places
from fastness.controls.uploads.refusals import ArchiveUnsafe, FileDamaged, TypeMismatch
from fastness.controls.uploads.tail import END, END_LENGTH, tail_of, wide

_PER_ENTRY = 1024
_SMALL = 2**20
_SIGNATURE = 6
_ZIP64 = frozenset({0xFFFF, 0xFFFFFFFF})
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OverflowError,
)
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
    total, directory = _check_end(path, limits)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = sorted(archive.infolist(), key=lambda one: one.header_offset)
            if len(entries) != total:  # the library reads on, whatever was said
                raise FileDamaged("not as many entries as the archive says")
            _check_entries(entries, path.stat().st_size, limits)
            found = places(file, entries, directory)
            _check_names([place.names for place in found], kind)
            _inflate(file, [*zip(entries, found, strict=True)], limits, nested=kind != "zip")
    except _BROKEN:
        raise FileDamaged("the archive is broken") from None


def _check_end(path: Path, limits: ArchiveLimits) -> tuple[int, int]:
    """How many entries there are, and where the directory begins."""
    # Before the standard library reads the directory: its length is the archive's own word.
    begin, tail = tail_of(path)
    place = tail.rfind(END)  # the last one, as every reader takes it
    if place < 0 or len(tail) < place + END_LENGTH:
        raise FileDamaged("the archive breaks off")
    disk, first, here, total, length, offset, comment = struct.unpack_from("<4H2LH", tail, place + 4)
    if place + END_LENGTH + comment != len(tail):
        raise FileDamaged("the archive breaks off, or something stands behind it")
    if disk or first or here != total or _ZIP64 & {here, length, offset} or wide(tail, place):
        raise ArchiveUnsafe("several volumes, or zip64")
    if total > limits.entries or length > _PER_ENTRY * limits.entries:
        raise ArchiveUnsafe("too many entries", members={"max_entries": limits.entries})
    if offset + length != begin + place:
        raise FileDamaged("something stands before or between the parts of the archive")
    return total, offset


def _check_entries(entries: list[zipfile.ZipInfo], size: int, limits: ArchiveLimits) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.unpacked or (unpacked > _SMALL and unpacked > limits.ratio * size):
        raise ArchiveUnsafe("too much inside", members={"max_unpacked": limits.unpacked, "max_ratio": limits.ratio})
    for entry in entries:
        if entry.flag_bits & 1:
            raise ArchiveUnsafe("an encrypted entry")
        if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise ArchiveUnsafe("a link or a device")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ArchiveUnsafe("a rare compression")


def _check_names(entries: Sequence[frozenset[str]], kind: str) -> None:
    if any(_PATH.search(name) for names in entries for name in names):
        raise ArchiveUnsafe("a path that leaves the folder")
    folded = [{name.casefold() for name in names} for names in entries]
    every = set[str]().union(*folded)
    if sum(map(len, folded)) != len(every):
        raise ArchiveUnsafe("two entries with one name")
    if kind not in _OFFICE:
        return
    if not {"[Content_Types].xml", _OFFICE[kind]} <= set[str]().union(*entries):
        raise TypeMismatch("not such a document")
    if any(name.endswith("vbaproject.bin") for name in every):
        raise ArchiveUnsafe("macros")


def _inflate(
    file: BinaryIO, entries: Sequence[tuple[zipfile.ZipInfo, Place]], limits: ArchiveLimits, *, nested: bool
) -> None:
    left = limits.unpacked
    for entry, place in entries:
        head = b""
        for piece in content(file, entry, place):
            left -= len(piece)
            if left < 0:
                raise ArchiveUnsafe("too much inside", members={"max_unpacked": limits.unpacked})
            head += piece[: _SIGNATURE - len(head)]
        # The limits would hold for the outer archive alone. Documents hold tables in documents: those stay.
        if not nested and head.startswith(_NESTED):
            raise ArchiveUnsafe("an archive inside an archive")
