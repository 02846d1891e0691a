"""Authentication happens once, in the chain, and annotates the exchange; routes decide what it is worth."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from fastness.core.errors import Refused, TwoIdentities
from fastness.core.exchange import Exchange, Quiet
from fastness.core.principal import Principal

Authenticator = Callable[[Exchange], Principal | Awaitable[Principal | None] | None]
"""Finds the caller in an exchange: the principal, None when its kind of credential is absent, or `Refused` raised.

One that has a method `carrier(exchange) -> str | None` says where in the request its credential is ("authorization",
"cookie"), or None when it is absent. Credentials in two places are refused: two readers would see two callers.

One with `ambient = True` is asked last: a browser sends its credential unasked, so another one speaks first.
"""

Carrier = Callable[[Exchange], str | None]


class Authentication(Quiet):
    """Asks each authenticator in turn; the first credential found decides.

    A bad credential is refused at once on routes that need ours (`exchange.rule.protected`). Elsewhere it is only
    noted, because an application may have bearer schemes of its own.
    """

    def __init__(
        self,
        authenticators: Iterable[Authenticator],
        *,
        grants: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._authenticators = tuple(sorted(authenticators, key=lambda each: getattr(each, "ambient", False)))
        found: list[Carrier | None] = [getattr(each, "carrier", None) for each in self._authenticators]
        carriers = tuple(each for each in found if each is not None)
        self._carriers = carriers if len(carriers) > 1 else ()
        self._grants = {role: frozenset(permissions) for role, permissions in (grants or {}).items()}

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Set `exchange.principal`, or `exchange.failure` when a credential is not good."""
        exchange.grants = self._grants
        if self._carriers and self._two(exchange):
            _note(exchange, TwoIdentities())
            return None
        for position, authenticate in enumerate(self._authenticators):
            try:
                found = authenticate(exchange)
            except Refused as refused:
                _note(exchange, refused)
                return None
            if found is None:
                continue
            if isinstance(found, Principal):
                exchange.principal = found
                return None
            return self._wait(exchange, found, position)
        return None

    def _two(self, exchange: Exchange) -> bool:
        first: str | None = None
        for carrier in self._carriers:
            found = carrier(exchange)
            if found is not None and found != first:
                if first is not None:
                    return True
                first = found
        return False

    async def _wait(self, exchange: Exchange, found: Awaitable[Principal | None], position: int) -> None:
        try:
            exchange.principal = await found
            for authenticate in self._authenticators[position + 1 :]:
                if exchange.principal is not None:
                    return
                answer = authenticate(exchange)
                exchange.principal = answer if isinstance(answer, Principal | None) else await answer
        except Refused as refused:
            _note(exchange, refused)


def _note(exchange: Exchange, refused: Refused) -> None:
    exchange.failure = refused
    if exchange.rule is not None and exchange.rule.protected:
        raise refused
