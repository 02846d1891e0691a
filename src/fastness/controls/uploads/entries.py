"""The entries of a zip file where they lie: one behind the other, each as the directory says, from local header to data.

Who seeks believes the directory, who streams believes the local headers, and they must find the same files (CWE-436).
What LibreOffice, Office, Python, Go, Java and macOS write differs in padding, zip64 fields and descriptors: those stay.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipInfo

from fastness.controls.uploads.refusals import ArchiveUnsafe, FileDamaged

_LOCAL = struct.Struct("<4s2x2H4x3L2H")
_BEHIND, _UTF8, _ENCRYPTED = 0x0008, 0x0800, 0x0001
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_WIDE = 0xFFFFFFFF
_MOST_EXTRAS = 64
_LONGEST_DESCRIPTOR = 24
_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Place:
    """Where the data of an entry begins and ends, and every name that some reader gives it."""

    start: int
    end: int
    names: frozenset[str]


def places(file: BinaryIO, entries: list[ZipInfo], directory: int) -> list[Place]:
    """Of all entries, which are in the order of their offsets; the directory begins where the last one ends.

    Raises:
        ArchiveUnsafe: entries that overlap.
        FileDamaged: something before, between or behind them, or a local header that says otherwise.
        ValueError, struct.error: broken.
    """
    found = [_place(file, entry) for entry in entries]
    begins = [*(entry.header_offset for entry in entries), directory]
    if begins[0]:
        raise FileDamaged("something stands before the first entry")
    for entry, place, following in zip(entries, found, begins[1:], strict=True):
        if following < place.end:
            raise ArchiveUnsafe("entries that overlap")
        file.seek(place.end)
        if file.read(min(following - place.end, _LONGEST_DESCRIPTOR + 1)) not in _descriptors(entry):
            raise FileDamaged("something stands between the entries")
    return found


def content(file: BinaryIO, entry: ZipInfo, place: Place) -> Iterator[bytes]:
    """What is inside, piece by piece; a piece may be empty. The archive's own word on sizes ends nothing.

    Raises:
        FileDamaged: it is not what the directory says, or ends before its packed bytes do.
        zlib.error: broken.
    """
    size, crc = 0, 0
    for piece in (_stored if entry.compress_type == ZIP_STORED else _inflated)(file, place):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        yield piece
    if (size, crc) != (entry.file_size, entry.CRC):
        raise FileDamaged("an entry is not what the directory says")


def _place(file: BinaryIO, entry: ZipInfo) -> Place:
    file.seek(entry.header_offset)
    signature, flags, method, crc, packed, size, of_name, of_extra = _LOCAL.unpack(file.read(_LOCAL.size))
    name = file.read(of_name).decode("utf-8" if flags & _UTF8 else "cp437")
    extras = [*_extras(file.read(of_extra))]
    for kind, data in extras:
        if kind == _ZIP64 and _WIDE in {packed, size}:
            size, packed = struct.unpack_from("<2Q", data)
    unknown = {0} if flags & _BEHIND else set[int]()
    told = ((crc, entry.CRC), (packed, entry.compress_size), (size, entry.file_size))
    if (
        (signature, method, name) != (b"PK\x03\x04", entry.compress_type, entry.orig_filename)
        or flags & _ENCRYPTED
        or any(one not in {true, *unknown} for one, true in told)
    ):
        raise FileDamaged("a local header says otherwise than the directory")
    # Judged whether or not the checksum in it is right, with which some readers decide if it holds.
    others = {data[5:].decode() for kind, data in (*extras, *_extras(entry.extra)) if kind == _UNICODE_PATH}
    start = file.tell()
    return Place(start, start + entry.compress_size, frozenset({name, *others}))


def _extras(raw: bytes) -> Iterator[tuple[int, bytes]]:
    for _ in range(_MOST_EXTRAS):
        if len(raw) < 4 or not raw.strip(b"\0"):  # noqa: PLR2004 - what aligns the data
            return
        kind, length = struct.unpack_from("<2H", raw)
        if length > len(raw) - 4:
            break
        yield kind, raw[4 : 4 + length]
        raw = raw[4 + length :]
    raise FileDamaged("an extra field that breaks off, or too many")


def _descriptors(entry: ZipInfo) -> set[bytes]:
    """What may stand behind the data: nothing, or its sizes in one of the four forms that writers use."""
    told = (entry.CRC, entry.compress_size, entry.file_size)
    forms = [struct.pack("<L2Q", *told)] + [struct.pack("<3L", *told)] * (max(told) <= _WIDE)
    return {b"", *forms, *(b"PK\x07\x08" + form for form in forms)}


def _stored(file: BinaryIO, place: Place) -> Iterator[bytes]:
    file.seek(place.start)
    left = place.end - place.start
    while left and (piece := file.read(min(left, _PIECE))):
        left -= len(piece)
        yield piece


def _inflated(file: BinaryIO, place: Place) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for packed in _stored(file, place):
        if inflate.eof:
            raise FileDamaged("something stands behind the data of an entry")
        left = packed
        while left:
            yield inflate.decompress(left, _PIECE)
            left = inflate.unconsumed_tail
        if inflate.unused_data:
            raise FileDamaged("something stands behind the data of an entry")
    yield inflate.flush()
    # Some writers say deflated of a folder, which has no data at all.
    if not inflate.eof and place.end > place.start:
        raise FileDamaged("the data of an entry breaks off")
