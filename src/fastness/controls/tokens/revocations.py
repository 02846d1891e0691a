"""What ended before its time, remembered for as long as a token could still claim otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from fastness.core.clock import Clock, wall
from fastness.core.principal import Principal

Kind = Literal["session", "token", "user"]
Listener = Callable[[Kind, str], None]
"""Told that something ended, and its name, in whichever thread ended it. Returns at once and never raises."""


class Revocations:
    """A bounded map of ended sessions, tokens and users, kept in memory; a question costs a fraction of a microsecond.

    `until` is the latest expiry (Unix seconds) of a token that the entry concerns: after it, the entry may go. Each
    kind holds `capacity` entries. When more are live at once, the ones that end first go, and every token that
    expires no later than they would have is refused with them: too much is refused then, never too little.

    Tokens are named by their `jti`, never by a hash of their text: one token has many spellings.
    """

    def __init__(self, *, capacity: int = 100_000, now: Clock = wall) -> None:
        self._capacity, self._now = capacity, now
        self._sessions: dict[str, float] = {}
        self._tokens: dict[str, float] = {}
        self._users: dict[str, float] = {}
        self._versions: dict[str, float] = {}
        self._newest: dict[str, int] = {}
        self._floor = -math.inf
        self.listeners: list[Listener] = []
        """Told about every ending once it counts."""

    def revoke_session(self, sid: str, *, until: float) -> None:
        """End every token of a session."""
        self._remember(self._sessions, sid, until)
        self._tell("session", sid)

    def revoke_token(self, jti: str, *, until: float) -> None:
        """End one token."""
        self._remember(self._tokens, jti, until)
        self._tell("token", jti)

    def revoke_user(self, user_id: str, *, until: float) -> None:
        """End every token of a user, newer ones too, as for a suspended or deleted account."""
        self._remember(self._users, user_id, until)
        self._tell("user", user_id)

    def restore_user(self, user_id: str) -> None:
        """Take `revoke_user` back."""
        self._users.pop(user_id, None)

    def require_version(self, user_id: str, version: int, *, until: float) -> None:
        """End every token of a user that was issued for an older version than `version`."""
        self._newest[user_id] = max(version, self._newest.get(user_id, version))
        self._remember(self._versions, user_id, until)
        self._tell("user", user_id)

    def revoked(self, who: Principal) -> bool:
        """Whether something ended this principal's token."""
        return (
            who.session in self._sessions
            or who.token in self._tokens
            or who.id in self._users
            or self._newest.get(who.id, 0) > who.version
            or who.expires_at <= self._floor
        )

    def __len__(self) -> int:
        return len(self._sessions) + len(self._tokens) + len(self._users) + len(self._versions)

    def _tell(self, kind: Kind, name: str) -> None:
        for listener in self.listeners:
            listener(kind, name)

    def _remember(self, kind: dict[str, float], name: str, until: float) -> None:
        if not math.isfinite(until):
            raise ValueError("until is a finite time in Unix seconds")
        kind[name] = max(until, kind.get(name, until))
        if len(kind) > self._capacity:
            self._make_room(kind)

    def _make_room(self, kind: dict[str, float]) -> None:
        now = self._now()
        first_to_end = sorted((until, name) for name, until in kind.items())
        surplus = len(first_to_end) - self._capacity * 3 // 4
        gone = [entry for position, entry in enumerate(first_to_end) if position < surplus or entry[0] <= now]
        # The floor rises before entries go, and they go one by one: another thread never sees a gap.
        self._floor = max([self._floor, *(until for until, _ in gone if until > now)])
        for _, name in gone:
            del kind[name]
            if kind is self._versions:
                self._newest.pop(name, None)
