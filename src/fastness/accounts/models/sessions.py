"""Sessions and their refresh tokens: one row a session, however often it is refreshed.

A refresh token, or the id in a browser's cookie, is `family + secret`. The row keeps digests only: of the family, of the
current token and of the one before. So a token of any older generation is recognised for as long as the session lives,
and whoever knows a family has held one of its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import Account
from fastness.accounts.models.browser_sessions import BrowserSessions
from fastness.accounts.models.columns import digest, label, new_secret, storable
from fastness.accounts.models.session_statements import SessionSQL
from fastness.accounts.models.session_tokens import Form, family_of, following, fresh
from fastness.accounts.models.successor import open_successor, seal_successor


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session. `closed` are older ones that made room for it; revoke them."""

    session_id: str
    refresh_token: str = field(repr=False)
    closed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rotated:
    """The session goes on with this refresh token."""

    user_id: str
    session_id: str
    refresh_token: str = field(repr=False)
    authenticated_at: float
    methods: tuple[str, ...]
    expires_at: float
    """When the session ends whatever happens."""


@dataclass(frozen=True, slots=True)
class Reused:
    """An old refresh token came back and the session is closed: let the transaction commit. Given once a session."""

    user_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Session:
    """One live session as its owner may see it. Times are Unix seconds."""

    id: str
    user_id: str
    created_at: float
    authenticated_at: float
    last_used_at: float
    idle_expires_at: float
    expires_at: float
    address: str
    agent: str
    device_id: str | None
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sessions:
    """Queries about sessions, bound to one connection. Times and durations are in seconds."""

    connection: AsyncConnection
    sql: SessionSQL

    async def open(
        self,
        user_id: str,
        *,
        now: float,
        idle: float,
        absolute: float,
        cap: int,
        address: str,
        agent: str,
        device_id: str | None = None,
        methods: tuple[str, ...] = ("pwd",),
        held: Account | None = None,
        form: Form = "refresh",
    ) -> Opened | None:
        """A session for an account that is there and not suspended, else None.

        It ends `idle` after its last refresh and `absolute` after now. A user has at most `cap`: the least recently
        used make room. `held` is the account when `Users.hold` gave it in this transaction: it need not be held again.
        """
        key = self.sql.accounts.parse(user_id)
        if key is None or not (await self._hold(key) if held is None else not held.suspended):
            return None
        session_id, token = new_secret(18), fresh(form)
        rest = {"key": key, "kept": session_id}
        others = await self.connection.execute(
            self.sql.open,
            {
                "id": session_id,
                "user_id": key,
                "family": digest(family_of(token, form) or ""),
                "current": digest(token),
                "created_at": now,
                "authenticated_at": now,
                "last_used_at": now,
                "idle_expires_at": now + min(idle, absolute),
                "expires_at": now + absolute,
                "address": label(address, 64),
                "agent": label(agent, 256),
                "device_id": device_id,
                "methods": " ".join(methods),
                **rest,
            },
        )
        room = max(cap, 1) - 1
        if others.scalar_one() <= room:
            return Opened(session_id, token)
        closed = (await self.connection.execute(self.sql.make_room, {**rest, "room": room})).scalars().all()
        return Opened(session_id, token, tuple(closed))

    async def rotate(
        self, presented: str, *, now: float, grace: float, idle: float, form: Form = "refresh"
    ) -> Rotated | Reused | None:
        """Exchange a refresh token or a cookie's id; None when it is unknown or its session is over.

        One UPDATE decides who wins. Within `grace` of it, the token it replaced gets the same successor again, so
        that parallel refreshes and lost answers do no harm; any other old token closes the session (RFC 9700 section
        4.14.2).
        """
        if (family := family_of(presented, form)) is None:
            return None
        given, next_token = digest(presented), following(family)
        place = {"f": digest(family), "presented": given, "now": now}
        won = (
            await self.connection.execute(
                self.sql.rotate,
                {
                    **place,
                    "next": digest(next_token),
                    "sealed": seal_successor(next_token, presented),
                    "idle_end": now + idle,
                },
            )
        ).first()
        if won:
            return _rotated(won, next_token)
        lost = (await self.connection.execute(self.sql.family, place)).first()
        if lost is None:
            return None
        user_id, session_id, _, _, _, previous, rotated_at, successor = lost
        if grace > 0 and previous == given and now - rotated_at <= grace:
            again = open_successor(successor, presented)
            if again is not None:
                return _rotated(lost, again)
        ended = (await self.connection.execute(self.sql.reused, place)).first()
        return Reused(str(user_id), session_id) if ended else None

    async def prove_again(self, session_id: str, *, now: float, methods: tuple[str, ...]) -> float | None:
        """Note that its holder proved now who they are, and how: when it ends, or None when it is over."""
        place = {"session": session_id, "now": now, "with_methods": " ".join(methods)}
        ends: float | None = (await self.connection.execute(self.sql.prove_again, place)).scalar()
        return ends

    async def close(self, session_id: str, *, now: float) -> str | None:  # noqa: ARG002 - the verbs take the time
        """End one session: the id of its user, or None when it was not there."""
        if not storable(session_id):
            return None
        user_id = (await self.connection.execute(self.sql.close, {"session": session_id})).scalar()
        return None if user_id is None else str(user_id)

    async def close_presented(self, presented: str, *, now: float) -> tuple[str, str] | None:  # noqa: ARG002
        """End the session that this refresh token, current or old, belongs to: (user id, session id) or None."""
        if (family := family_of(presented, "refresh")) is None:
            return None
        row = (await self.connection.execute(self.sql.close_presented, {"f": digest(family)})).first()
        return (str(row[0]), row[1]) if row else None

    async def close_all(self, user_id: str, *, now: float, except_: str | None = None) -> list[str]:  # noqa: ARG002
        """End all sessions of a user but one; their ids."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return []
        rows = await self.connection.execute(self.sql.close_all, {"key": key, "kept": except_ or ""})
        return list(rows.scalars())

    async def get(self, session_id: str, *, now: float) -> Session | None:
        """The live session with this id."""
        if not storable(session_id):
            return None
        row = (await self.connection.execute(self.sql.get, {"session": session_id, "now": now})).first()
        return _session(row) if row else None

    async def list(self, user_id: str, *, now: float) -> tuple[Session, ...]:
        """The live sessions of a user, last used first."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return ()
        rows = await self.connection.execute(self.sql.list, {"key": key, "now": now})
        return tuple(_session(row) for row in rows)

    @property
    def browser(self) -> BrowserSessions:
        return BrowserSessions(self.connection, self.sql.browser)

    async def _hold(self, key: Any) -> bool:
        return (await self.connection.execute(self.sql.accounts.hold, {"key": key})).first() is not None


def _rotated(row: Any, token: str) -> Rotated:
    return Rotated(str(row[0]), row[1], token, row[2], tuple(row[3].split()), row[4])


def _session(row: Any) -> Session:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    return Session(**{**values, "user_id": str(values["user_id"]), "methods": tuple(values["methods"].split())})
