"""Error handling. Control: problems.

A refusal is an exception: its class holds what outsiders may read, its instance a reason for the log. Whatever else is
raised is logged once, under the request id, and answered with that id and nothing more. A 422 never repeats what was
sent. There is no handler to write.
"""

from __future__ import annotations

from fastapi import APIRouter

from fastness import public
from fastness.core.errors import Refused

router = APIRouter(tags=["errors"])


class BadCredentials(Refused):
    """Unknown address and wrong password look like this from outside, both."""

    code, status, public = "bad_credentials", 401, "E-mail or password is not right."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class NoSuchUser(Refused):
    """There is no user with this id."""

    code, status, public = "not_found", 404, "There is no such user."


class LastAdministrator(Refused):
    """Nobody could manage users without this account."""

    code, status, public = "last_admin", 409, "This is the last administrator. Appoint another one first."


@router.get("/fails")
@public("it shows what outsiders see of a mistake")
async def fails() -> None:
    """A route with a mistake in it."""
    raise RuntimeError("the password of the database is hunter2")
