"""The structure of the common formats, as far as it decides what a file is and where it ends."""

from __future__ import annotations

import struct
from functools import partial

from fastness.controls.uploads.refusals import FileDamaged, ImageTooLarge
from fastness.controls.uploads.walk import Format, OrEnd, Rest, Skip, Steps

_ASCII_NAME = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_\xa9")
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


def png(most_pixels: int) -> Steps:
    """ISO/IEC 15948: chunks, IHDR first, IEND last, nothing behind it."""
    yield 8
    first = True
    while True:
        length, kind = struct.unpack(">I4s", (yield 8))
        if length >= 2**31 or not kind.isalpha() or first != (kind == b"IHDR"):
            raise FileDamaged("PNG chunks")
        if first:
            if length != 13:  # noqa: PLR2004 - the one length it has
                raise FileDamaged("PNG header")
            width, height = struct.unpack(">II", (yield 8))
            _check(width, height, most_pixels)
            length -= 8
        first = False
        yield Skip(length + 4)
        if kind == b"IEND":
            return


def gif(most_pixels: int) -> Steps:
    """GIF 87a and 89a: blocks up to the trailer."""
    yield 6
    width, height, flags, _ = struct.unpack("<HHBH", (yield 7))
    _check(width, height, most_pixels)
    yield from _colours(flags)
    while True:
        match (yield 1)[0]:
            case 0x21:
                yield 1
                yield from _blocks()
            case 0x2C:
                _, _, width, height, flags = struct.unpack("<HHHHB", (yield 9))
                _check(width, height, most_pixels)
                yield from _colours(flags)
                yield 1
                yield from _blocks()
            case 0x3B:
                return
            case _:
                raise FileDamaged("GIF blocks")


def _colours(flags: int) -> Steps:
    if flags & 0x80:
        yield Skip(3 << ((flags & 7) + 1))


def _blocks() -> Steps:
    while size := (yield 1)[0]:
        yield Skip(size)


def jpeg(most_pixels: int) -> Steps:
    """ISO/IEC 10918: segments up to the first scan. Cameras append previews and films: those stay."""
    yield 2
    measured = False
    while True:
        mark, kind = yield 2
        if mark != 0xFF or kind in {0x00, 0xD9}:  # noqa: PLR2004 - what every marker begins with
            raise FileDamaged("JPEG segments")
        if kind in _STANDALONE:
            continue
        (length,) = struct.unpack(">H", (yield 2))
        if length < 2 or (kind == _START_OF_SCAN and not measured):  # noqa: PLR2004 - it counts itself
            raise FileDamaged("JPEG segments")
        if kind in _FRAMES:
            _, height, width = struct.unpack(">BHH", (yield 5))
            _check(width, height, most_pixels)
            length, measured = length - 5, True
            if length < 2:  # noqa: PLR2004
                raise FileDamaged("JPEG frame")
        yield Skip(length - 2)
        if kind == _START_OF_SCAN:
            yield Rest()


def webp(most_pixels: int) -> Steps:
    """RIFF of type WEBP (RFC 9649): as long as it says, to the byte."""
    (size,) = struct.unpack("<4xI4x", (yield 12))
    left = size - 4
    kind = yield 8
    head = yield 10
    left -= 18
    match kind[:4]:
        case b"VP8X":
            width, height = 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
        case b"VP8L":
            bits = int.from_bytes(head[1:5], "little")
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[6:10]))
        case _:
            raise FileDamaged("WebP chunks")
    _check(width, height, most_pixels)
    if left < 0 or size % 2:
        raise FileDamaged("WebP size")
    yield Skip(left)


def mp4() -> Steps:
    """ISO/IEC 14496-12: boxes, each as long as it says, up to the last byte."""
    while header := (yield OrEnd(8)):
        length, kind = struct.unpack(">I4s", header)
        if not _ASCII_NAME.issuperset(kind):
            raise FileDamaged("MP4 boxes")
        if length == 0:
            yield Rest()
        read = 8
        if length == 1:
            (length,) = struct.unpack(">Q", (yield 8))
            read = 16
        if length < read:
            raise FileDamaged("MP4 boxes")
        yield Skip(length - read)


def anything() -> Steps:
    """A format whose end is looked at when it is there."""
    yield Rest()


def images(most_pixels: int) -> dict[str, Format]:
    """The image formats with a limit of pixels."""
    return {
        "png": partial(png, most_pixels),
        "gif": partial(gif, most_pixels),
        "jpeg": partial(jpeg, most_pixels),
        "webp": partial(webp, most_pixels),
    }


def _check(width: int, height: int, most_pixels: int) -> None:
    if width * height > most_pixels:
        raise ImageTooLarge(members={"max_pixels": most_pixels})
    if not width * height:
        raise FileDamaged("an image without pixels")
