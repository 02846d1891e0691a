"""Small good files of every type, made by hand; and forms to send them in."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping

BOUNDARY = "----fastness7MA4YWxkTrZu0gW"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 1, height: int = 1, *, data: bytes | None = None) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = data if data is not None else zlib.compress(b"\0\0")
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def gif(width: int = 1, height: int = 1) -> bytes:
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
        b"\x21\xf9\x04\0\0\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\0;"
    )  # fmt: skip


def jpeg(width: int = 1, height: int = 1) -> bytes:
    app = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + app + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x00" * 20 + b"\xff\xd9"


def webp(width: int = 1, height: int = 1) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + b"\0" * 11
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def pdf() -> bytes:
    return b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"


def mp4() -> bytes:
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"mp41") + struct.pack(">I4s", 16, b"mdat") + b"\0" * 8


def webm() -> bytes:
    return b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm\x42\x87\x81\x02" + b"\x18\x53\x80\x67" + b"\0" * 20


def mp3() -> bytes:
    return b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + b"\0" * 400


def zipped(files: Mapping[str, bytes] | Iterable[tuple[zipfile.ZipInfo, bytes]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, data)
    return made.getvalue()


def docx(**more: bytes) -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>", **more})


def xlsx() -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"})


def pptx() -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", "ppt/presentation.xml": b"<p:presentation/>"})


OFFICE = "application/vnd.openxmlformats-officedocument."
GOOD: dict[str, tuple[str, str, bytes]] = {
    "png": ("a.png", "image/png", png()),
    "gif": ("a.gif", "image/gif", gif()),
    "jpeg": ("a.JPG", "image/jpeg", jpeg()),
    "webp": ("a.webp", "image/webp", webp()),
    "pdf": ("a.pdf", "application/pdf", pdf()),
    "zip": ("a.zip", "application/zip", zipped({"a/b.txt": b"hello"})),
    "docx": ("a.docx", f"{OFFICE}wordprocessingml.document", docx()),
    "xlsx": ("a.xlsx", f"{OFFICE}spreadsheetml.sheet", xlsx()),
    "pptx": ("a.pptx", f"{OFFICE}presentationml.presentation", pptx()),
    "mp4": ("a.mp4", "video/mp4", mp4()),
    "webm": ("a.webm", "video/webm", webm()),
    "mp3": ("a.mp3", "audio/mpeg", mp3()),
    "csv": ("a.csv", "text/csv", "név;ár\r\nkörte;1\r\n".encode()),
    "json": ("a.json", "application/json", b'{"a": 1}'),
    "text": ("a.txt", "text/plain", "\ufeffhello\nworld\n".encode()),
    "unsafe_svg": ("a.svg", "image/svg+xml", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'),
    "unsafe_html": ("a.html", "text/html", b"<!doctype html><title>a</title>"),
}
"""Type -> name, declared type, content."""


def part(disposition: str | bytes, content: bytes, content_type: str | None = None) -> bytes:
    raw = disposition.encode() if isinstance(disposition, str) else disposition
    declared = f"Content-Type: {content_type}\r\n".encode() if content_type is not None else b""
    return b"Content-Disposition: " + raw + b"\r\n" + declared + b"\r\n" + content


def file_part(name: str, content: bytes, content_type: str | None = None, *, field: str = "file") -> bytes:
    return part(f'form-data; name="{field}"; filename="{name}"', content, content_type)


def form(*parts: bytes, boundary: str = BOUNDARY) -> bytes:
    line = f"--{boundary}".encode()
    return b"".join(line + b"\r\n" + one + b"\r\n" for one in parts) + line + b"--\r\n"
