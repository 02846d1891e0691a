"""Sizes as people write them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"([1-9][0-9]{0,14}|0)\s*(b|kb|mb|gb|kib|mib|gib)?", re.IGNORECASE)
_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def size(text: int | str) -> int:
    """Bytes in `"10 MiB"`, `"500 kB"` or `4096`.

    Raises:
        ValueError: when the text is not a whole number with one of B, kB, MB, GB, KiB, MiB, GiB.
    """
    match = _SIZE.fullmatch(str(text).strip())
    if match is None:
        raise ValueError('not a size: write a number of bytes, or "10 MiB"')
    return int(match[1]) * _UNITS[(match[2] or "b").lower()]
