"""Whatever a caller puts into a key, every store takes it: no NUL, no lone surrogate, no length of its own."""

from __future__ import annotations

import hashlib

LONGEST = 200


def bounded(key: str) -> str:
    """The key itself when it is short printable ASCII, else a digest of it; two keys never become one."""
    if len(key) <= LONGEST and key.isascii() and key.isprintable() and not key.startswith("sha256:"):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
