"""bcrypt hashes of other systems: verified whole or not at all, never by truncation."""

from __future__ import annotations

from collections.abc import Callable

from fastness.controls.passwords.errors import Unreadable
from fastness.core.errors import MissingExtra

_LONGEST = 72
_HIGHEST_COST = 16


def verifier(stored: str) -> Callable[[bytes], bool]:
    """The check for a `$2a$`, `$2b$` or `$2y$` hash.

    bcrypt reads 72 bytes, and C libraries stop at a NUL. Another tail must not open the account (CVE-2025-22228),
    so a longer password, or one with a NUL, is no match. It costs one bcrypt all the same: a quick answer would tell
    that the account exists (CVE-2025-22234).

    Raises:
        Unreadable: the cost is out of range, or the bcrypt package is missing.
    """
    cost = int(stored[4:6])
    if not 4 <= cost <= _HIGHEST_COST:  # noqa: PLR2004 - the lowest cost there is
        raise Unreadable("bcrypt hash asks for a cost out of range")
    try:
        import bcrypt
    except ImportError:
        raise Unreadable(str(MissingExtra("verifying bcrypt hashes", "service"))) from None
    expected = stored.encode("ascii")

    def verify(password: bytes) -> bool:
        whole = len(password) <= _LONGEST and 0 not in password
        try:
            matches = bcrypt.checkpw(password if whole else password.replace(b"\0", b" ")[:_LONGEST], expected)
        except ValueError:
            raise Unreadable("malformed bcrypt hash") from None
        return matches and whole

    return verify
