"""Bodies that mean something only to a server that unpacks them: sign-ins, behind as much blank space as is wanted."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from functools import cache

MIB = 2**20
CODINGS = ("gzip", "deflate", "zstd", "br")
_WINDOW = {"gzip": 31, "deflate": 15}
_BLOCK = 2**17
"""The most bytes of one block of Zstandard (RFC 8878 section 3.1.1.2.4)."""


@cache
def compressed(coding: str, email: str, password: str, mib: int = 0) -> bytes:
    """A sign-in in JSON after `mib` MiB of blanks; a thousand of them fit into a body of one MiB."""
    body = json.dumps({"email": email, "password": password}).encode()
    match coding:
        case "gzip" | "deflate":
            packer = zlib.compressobj(9, zlib.DEFLATED, _WINDOW[coding])
            return b"".join(packer.compress(b" " * MIB) for _ in range(mib)) + packer.compress(body) + packer.flush()
        case "zstd":
            return b"".join(_zstandard(mib, body))
        case "br":
            return _brotli(body)
    raise ValueError(coding)


def _zstandard(mib: int, body: bytes) -> Iterator[bytes]:
    # RFC 8878 section 3.1.1: a window of 128 KiB; blocks that repeat one byte, and a last one that is raw.
    yield b"\x28\xb5\x2f\xfd\x00\x38"
    for _ in range(mib * MIB // _BLOCK):
        yield (_BLOCK << 3 | 1 << 1).to_bytes(3, "little") + b" "
    yield (len(body) << 3 | 1).to_bytes(3, "little") + body


def _brotli(body: bytes) -> bytes:
    # RFC 7932 sections 9.1 and 9.2: a window of 16 bits (0), not last (0), four nibbles (00), the length less one, as it
    # is (1); then an empty last block.
    return ((len(body) - 1) << 4 | 1 << 20).to_bytes(3, "little") + body + b"\x03"
