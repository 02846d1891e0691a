"""Routes for people alone: whatever signs in as a program, an API key, is refused there."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import HTTPConnection

from fastness.core.errors import Forbidden
from fastness.core.exchange import Exchange


class PersonRequired(Forbidden):
    """An API key called a route that is for people alone."""

    code: ClassVar[str] = "person_required"
    public: ClassVar[str] = "An API key may not do this. Sign in."


class PeopleOnly:
    """A dependency of a route or router, beside its access decision: `Depends(PeopleOnly())`.

    A key stands for a program and lives for months: it must never change how its owner signs in, nor make another key
    (OWASP API2:2023). On public routes it is nobody, as ever.
    """

    async def __call__(self, connection: HTTPConnection) -> None:
        """Raises PersonRequired when the caller is an API key."""
        exchange: Exchange | None = connection.scope.get("fastness")
        if exchange is not None and not self.settled(exchange):
            raise PersonRequired("an API key")

    def settled(self, exchange: Exchange, /) -> bool:
        """Whether no key calls, or nobody needs to."""
        who = exchange.principal
        return who is None or who.scheme != "apikey" or getattr(exchange.rule, "access", "required") == "public"

    def answer(self, exchange: Exchange, /) -> None:
        """Nothing."""
