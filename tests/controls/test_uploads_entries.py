"""Zip files that say one thing in their directory and another where the entries lie; and the ones that writers write."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from fastness.controls.uploads import ArchiveLimits
from fastness.controls.uploads.archives import check_archive
from fastness.core.errors import Refused
from sample_files import zipped

UP = b"../../evil.py"


def deflated(data: bytes) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


def made(*entries: tuple[bytes, bytes, int, int], between: bytes = b"", total: int | None = None) -> bytes:
    """Name, packed data, and the size and checksum that are claimed: laid down as told."""
    body, directory = b"", b""
    for name, packed, size, crc in entries:
        fields = struct.pack("<3H", 0, 8, 0) + b"\0\0" + struct.pack("<3L2H", crc, len(packed), size, len(name), 0)
        directory += b"PK\x01\x02\x14\0\x14\0" + fields + struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + name
        body += b"PK\x03\x04\x14\0" + fields + name + packed + between
    number = len(entries) if total is None else total
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, number, number, len(directory), len(body), 0)
    return body + directory + end


def honest(name: bytes, data: bytes) -> tuple[bytes, bytes, int, int]:
    return name, deflated(data), len(data), zlib.crc32(data)


def with_extra(*, local: bytes = b"", central: bytes = b"") -> bytes:
    """One entry named `a`, with extra fields."""
    data = made(honest(b"a", b"hello"))
    start = data.index(b"PK\x01\x02")
    head, packed, directory, end = data[:31], data[31:start], data[start : start + 47], data[start + 47 :]
    head = head[:28] + struct.pack("<H", len(local)) + b"a" + local
    directory = directory[:30] + struct.pack("<H", len(central)) + directory[32:] + central
    return head + packed + directory + end[:12] + struct.pack("<2LH", len(directory), len(head) + len(packed), 0)


def unicode_path(name: bytes, *, of: bytes = b"a") -> bytes:
    return struct.pack("<2HBL", 0x7075, 5 + len(name), 1, zlib.crc32(of)) + name


def hidden() -> bytes:
    """An unlisted entry."""
    data = made(honest(UP, b"evil"))
    return data[: data.index(b"PK\x01\x02")]


def verdict(path: Path, content: bytes, limits: ArchiveLimits | None = None) -> str:
    (path / "a.zip").write_bytes(content)
    try:
        check_archive(path / "a.zip", "zip", limits or ArchiveLimits())
    except Refused as refused:
        return refused.code
    return "taken"


def test_the_size_that_the_directory_claims_ends_no_reading(tmp_path: Path) -> None:
    bomb = deflated(b"hello" + b"\0" * 3_000_000)

    claimed = verdict(tmp_path, made((b"a", bomb, 5, zlib.crc32(b"hello"))))
    limited = verdict(tmp_path, made((b"a", bomb, 5, zlib.crc32(b"hello"))), ArchiveLimits(unpacked=2**20))

    assert (claimed, limited) == ("file_damaged", "archive_unsafe")


@pytest.mark.parametrize(
    "entry",
    [
        (b"a", deflated(b"hello"), 5, 0),
        (b"a", deflated(b"hello"), 6, zlib.crc32(b"hello")),
        (b"a", deflated(b"hello")[:-1], 5, zlib.crc32(b"hello")),
        (b"a", deflated(b"hello") + hidden(), 5, zlib.crc32(b"hello")),
        (b"a", deflated(b"") + deflated(b"hello"), 0, 0),
        (b"a", b"\7", 0, 0),
    ],
    ids=["checksum", "size", "cut", "an entry behind the data", "a second stream", "no stream"],
)
def test_the_data_of_an_entry_is_what_the_directory_says_to_its_last_byte(
    tmp_path: Path, entry: tuple[bytes, bytes, int, int]
) -> None:
    assert verdict(tmp_path, made(entry)) == "file_damaged"


def test_entries_are_counted_and_not_asked_for_their_number(tmp_path: Path) -> None:
    many = made(*(honest(f"{n}".encode(), b"") for n in range(12_000)), total=1)

    assert verdict(tmp_path, many) == "file_damaged"
    assert verdict(tmp_path, made(*(honest(f"{n}".encode(), b"") for n in range(12_000)))) == "archive_unsafe"


@pytest.mark.parametrize("between", [hidden(), b"\0", b"PK\x07\x08" + b"\0" * 12], ids=["entry", "byte", "descriptor"])
def test_nothing_stands_between_or_behind_the_entries(tmp_path: Path, between: bytes) -> None:
    pair = honest(b"a", b"hello"), honest(b"b", b"world")

    assert verdict(tmp_path, made(*pair)) == "taken"
    assert verdict(tmp_path, made(*pair, between=between)) == "file_damaged"
    assert verdict(tmp_path, made(pair[0], between=between)) == "file_damaged"


@pytest.mark.parametrize(
    ("place", "value"), [(6, b"\1\0"), (8, b"\0\0"), (14, b"\1"), (18, b"\1"), (22, b"\1"), (30, b"z")]
)
def test_a_local_header_says_what_the_directory_says(tmp_path: Path, place: int, value: bytes) -> None:
    data = made(honest(b"a", b"hello"))

    assert verdict(tmp_path, data[:place] + value + data[place + len(value) :]) == "file_damaged"


def test_a_name_that_only_some_readers_see_is_judged_as_well(tmp_path: Path) -> None:
    for name in (UP, b"/etc/passwd", b"a\\..\\b"):
        assert verdict(tmp_path, with_extra(local=unicode_path(name))) == "archive_unsafe"
        assert verdict(tmp_path, with_extra(central=unicode_path(name))) == "archive_unsafe"
        assert (
            verdict(tmp_path, with_extra(central=unicode_path(b"b") + unicode_path(name, of=b"z"))) == "archive_unsafe"
        )
    assert verdict(tmp_path, with_extra(central=unicode_path(b"\xff"))) == "file_damaged"
    good = unicode_path("á.txt".encode())
    assert verdict(tmp_path, with_extra(local=good, central=good)) == "taken"


def test_extra_fields_are_padding_to_most_and_end_where_they_say(tmp_path: Path) -> None:
    growth_hint = struct.pack("<2H", 0xA220, 500) + b"\0" * 500

    assert verdict(tmp_path, with_extra(local=growth_hint, central=b"\xfe\xca\0\0")) == "taken"
    assert verdict(tmp_path, with_extra(local=b"\0" * 4_095)) == "taken"
    assert verdict(tmp_path, with_extra(local=b"\xfe\xca\5\0")) == "file_damaged"
    assert verdict(tmp_path, with_extra(local=b"\xfe\xca\0\0" * 16_000)) == "file_damaged"


def test_the_last_end_record_is_the_only_one_that_counts(tmp_path: Path) -> None:
    other = made(honest(UP, b"evil"))
    data = made(honest(b"a", b"hello"))
    comment = other[: other.index(b"PK\x05\x06")] + b"PK\x05\x06" + b"\0" * 18 + b"x"
    locator = b"PK\x06\x07" + b"\0" * 16
    directory = data[data.index(b"PK\x01\x02") : -22]
    wide = data[:-22].replace(directory, directory[:32] + struct.pack("<H", 20) + directory[34:] + locator)

    assert verdict(tmp_path, data[:-2] + struct.pack("<H", len(comment)) + comment) == "file_damaged"
    assert verdict(tmp_path, wide + data[-22:-10] + struct.pack("<L", len(directory) + 20) + data[-6:]) == (
        "archive_unsafe"
    )


class Pipe(io.RawIOBase):
    """What cannot seek back, so that sizes stand behind the data."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written += bytes(data)
        return len(bytes(data))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("wide", [True, False])
def test_sizes_may_stand_behind_the_data_and_in_zip64_fields(tmp_path: Path, compression: int, *, wide: bool) -> None:
    pipe, file = Pipe(), io.BytesIO()
    for target in (pipe, file):
        with zipfile.ZipFile(target, "w", compression) as archive:
            archive.writestr("folder/", b"")
            with archive.open("folder/é.txt", "w", force_zip64=wide) as entry:
                entry.write(b"hello" * 100_000 if compression else b"hello")
            archive.writestr("empty", b"")
    signed = pipe.written.replace(b"PK\x07\x08", b"", 1)

    assert verdict(tmp_path, pipe.written) == verdict(tmp_path, file.getvalue()) == "taken"
    assert b"PK\x07\x08" in pipe.written
    assert verdict(tmp_path, signed) == "file_damaged"


def test_an_archive_that_was_written_to_again_has_no_gap(tmp_path: Path) -> None:
    file = io.BytesIO(zipped({"a": b"hello"}))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("b", b"world")
        archive.comment = b"more"

    assert verdict(tmp_path, file.getvalue()) == "taken"
