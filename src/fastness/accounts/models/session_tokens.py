"""The secret of a session as its holder carries it: a refresh token, or the id in a browser's cookie.

Both are a family (144 bit) and a secret (256 bit). A cookie's begins with `c.`, and so does its family: whoever holds the
one cannot pass it for the other, because the row knows the digest of the whole family only.
"""

from __future__ import annotations

import re
from typing import Literal

from fastness.accounts.models.columns import new_secret

Form = Literal["refresh", "cookie"]

_PREFIX: dict[Form, str] = {"refresh": "", "cookie": "c."}
_SHAPE: dict[Form, re.Pattern[str]] = {
    form: re.compile(re.escape(prefix) + r"[A-Za-z0-9_-]{67}", re.ASCII) for form, prefix in _PREFIX.items()
}
_FAMILY = 24


def fresh(form: Form) -> str:
    """The first secret of a new session."""
    return _PREFIX[form] + new_secret(50)


def family_of(token: str, form: Form) -> str | None:
    """What all secrets of one session share; None for text that is no such secret."""
    return token[: len(_PREFIX[form]) + _FAMILY] if _SHAPE[form].fullmatch(token) else None


def following(family: str) -> str:
    """Another secret of the same session."""
    return family + new_secret(32)
