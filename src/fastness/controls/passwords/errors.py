"""The refusal of a weak password, which says why without the password, and what may go wrong with a stored hash."""

from __future__ import annotations

from typing import Literal

from fastness.core.errors import Refused

Weakness = Literal["too_short", "too_long", "not_text", "common", "personal", "predictable", "breached"]
"""Why a password was refused, for forms and tests; a member `reason` of the problem."""

_HELP = "Several unrelated words, or a password manager, make a good one."


class WeakPassword(Refused):
    """A new password is refused. `public` says why and what to do (NIST SP 800-63B-4 section 3.1.1.2)."""

    code, status, public = "weak_password", 422, f"Choose another password. {_HELP}"

    def __init__(self, weakness: Weakness, *, length: int = 0) -> None:
        """`length` is the bound in code points that was missed, where the weakness is about length."""
        text = _TEXTS[weakness].format(length=length)
        super().__init__(weakness, members={"reason": weakness})
        self.weakness: Weakness = weakness
        # The class attribute is the general text; this instance knows a better one.
        vars(self)["public"] = text


_TEXTS: dict[Weakness, str] = {
    "too_short": f"Use at least {{length}} characters. {_HELP}",
    "too_long": "Use at most {length} characters.",
    "not_text": "This password holds a character that is not valid text. Type it again, or choose another.",
    "common": f"This is one of the most common passwords, so it is tried first. {_HELP}",
    "breached": f"This password is in a list of leaked passwords, so it is tried first. {_HELP}",
    "personal": f"This is built on your name, your e-mail or the name of this service, which are tried first. {_HELP}",
    "predictable": (
        f"This is built from common words, sequences, years or repetitions, which are tried first. {_HELP}"
    ),
}


class Unreadable(Exception):
    """A stored hash cannot be used. The message says why, for the log, and never quotes the hash."""


class OutOfMemory(Exception):
    """A hash could not get its memory: an answer for now, not a wrong password."""
