"""What only the end of a file tells: whether it breaks off, and whether it is an archive to somebody."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

from fastness.controls.uploads.refusals import FileDamaged

END = b"PK\x05\x06"
END_LENGTH = 22
_LONGEST = END_LENGTH + 65_535  # with its comment


def tail_of(path: Path) -> tuple[int, bytes]:
    """Where the last bytes of a file begin, among which the end record of a zip file must be, and those bytes."""
    with path.open("rb") as file:
        begin = max(0, path.stat().st_size - _LONGEST)
        file.seek(begin)
        return begin, file.read()


def check_tail(path: Path, kind: str) -> None:
    """Of any file but an archive.

    Raises:
        FileDamaged: a PDF or JPEG that breaks off, or an archive behind something else (CWE-646: GIFAR and its kin).
    """
    begin, tail = tail_of(path)
    if kind == "pdf" and b"%%EOF" not in tail[-1024:]:
        raise FileDamaged("the PDF breaks off")
    if kind == "jpeg" and b"\xff\xd9" not in tail:
        raise FileDamaged("the JPEG breaks off")
    with path.open("rb", buffering=0) as file:
        if any(_ends_archive(file, begin, tail, found.start()) for found in re.finditer(END, tail)):
            raise FileDamaged("an archive behind the file")


def wide(tail: bytes, place: int) -> bool:
    """Whether zip64 stands before the end record: the library believes it always, others when they are sent there."""
    return tail[max(0, place - 20) : place].startswith(b"PK\x06\x07")


def _ends_archive(file: BinaryIO, begin: int, tail: bytes, place: int) -> bool:
    # Readers bear bytes behind an end record and before an archive. The four bytes alone are in one of 65,000 pictures.
    if len(tail) < place + END_LENGTH:
        return False
    length, offset, comment = struct.unpack_from("<12x2LH", tail, place)
    for directory in (begin + place - length, offset):
        file.seek(max(0, directory))
        if file.read(4) == b"PK\x01\x02":
            return True
    return place + END_LENGTH + comment == len(tail) or wide(tail, place)
