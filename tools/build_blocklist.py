"""Build the packed blocklist of common passwords.

    python tools/build_blocklist.py [LIST] [OUTPUT]

LIST has one password a line; by default it is tests/data/attacks/passwords_top100k.txt (see the README beside it).
The layout is described in fastness.controls.passwords.blocklist, which reads it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fastness.controls.passwords.blocklist import LONGEST, PACKED, SHORTEST, digest, fold

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests/data/attacks/passwords_top100k.txt"


def pack(lines: list[str]) -> bytes:
    """The packed form of `lines`; the same words give the same bytes.

    Raises:
        ValueError: an entry is too long to be looked up.
    """
    words = {fold(line) for line in lines}
    if any(len(word) > LONGEST for word in words):
        raise ValueError(f"an entry is longer than {LONGEST} characters: raise LONGEST, which bounds the look-ups")
    digests = sorted({digest(word) for word in words if len(word) >= SHORTEST})
    starts, low = bytearray(), bytearray()
    position = 0
    for bucket in range(257):
        while position < len(digests) and digests[position] >> 32 < bucket:
            low += (digests[position] & 0xFFFFFFFF).to_bytes(4, "little")
            position += 1
        starts += position.to_bytes(4, "little")
    return bytes(starts + low)


def main(arguments: list[str]) -> None:
    """Read LIST, write OUTPUT, say how many entries it has."""
    source = Path(arguments[0]) if arguments else LIST
    target = Path(arguments[1]) if len(arguments) > 1 else PACKED
    packed = pack(source.read_text("utf-8").splitlines())
    target.write_bytes(packed)
    sys.stdout.write(f"{target}: {len(packed) // 4 - 257} entries, {len(packed)} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
