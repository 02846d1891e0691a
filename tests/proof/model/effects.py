"""What a request changes in the model: the verbs that several requests have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proof.model.nouns import Access, Challenge, Code, Session, User

ACCESS, IDLE, ABSOLUTE, GRACE, CAP = 600, 7 * 86_400, 30 * 86_400, 10, 3
CODE, CHALLENGE, FRESH = 600, 300, 300
ROLES = ("user", "editor", "admin")
Body = dict[str, Any]


@dataclass
class Step:
    """What must come: the status, the code that is mailed and where to, and what changes when it came."""

    status: int
    effect: Callable[[Body], None] = lambda _: None
    code: Code | None = None


class State:
    """Everybody and everything, as it must be."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.users: list[User] = []
        self.gone: list[User] = []
        self.sessions: list[Session] = []
        self.ended: list[Session] = []
        self.access: list[Access] = []
        self.codes: list[Code] = []
        self.challenges: list[Challenge] = []

    def find(self, email: str) -> User | None:
        return next((user for user in self.users if user.email == email), None)

    def live(self, access: Access) -> bool:
        """Whether this token works."""
        same = access.version == access.session.user.version and not access.session.user.deleted
        return same and access.session in self.sessions and self.now < access.ends

    def _managed(self, user: User, did: str) -> None:
        if did in ROLES:
            user.version, user.role = user.version + (did != user.role), did
        elif did == "suspend":
            user.version, user.suspended = user.version + (not user.suspended), True
            self._end(*(one for one in self.sessions if one.user is user))
        elif did == "unsuspend":
            user.suspended = False
        else:
            if did == "force-reset":
                user.password = None
                self._forget(user)
            if did == "reset-factors":
                user.factors, user.recovery = [], []
            self._end_all(user)
        if did == "delete":
            user.deleted = True
            self._forget(user)
            self.users.remove(user)
            self.gone.append(user)

    # What several have in common

    def _proved(
        self, by: Access, words: str, status: int, effect: Callable[[Body], None], made: Code | None = None
    ) -> Step:
        password = by.session.user.password
        if not self.live(by):
            return Step(401)
        return Step(status, effect, made) if password is not None and password.words == words else Step(403)

    def _recent(self, by: Access) -> bool:
        fresh = self.now - by.proved <= FRESH and (not by.session.user.confirmed or "mfa" in by.methods)
        return self.live(by) and fresh

    def _redeem(
        self, purpose: str, given: Code, good: Callable[[], None], *, right: bool, link: bool, may: bool
    ) -> Step:
        if given not in self.codes or given.purpose != purpose or given.used or self.now >= given.ends:
            return Step(400)
        stale = given.brings is not None and given.brings is not given.user.password
        if (not right or stale) if link else given.left == 0:
            return Step(400)

        def effect(_: Body) -> None:
            given.left, given.used = given.left - (not link), right
            if right and may:
                good()

        return Step(200 if right and may else 400, effect)

    def _created(self, made: Code, body: Body) -> None:
        self.users.append(made.user)
        self._mailed(made, body)

    def _mailed(self, made: Code, body: Body) -> None:
        made.flow, made.token, made.digits = body["flow"], body["link"], body["digits"]
        self.codes.append(made)

    def _forget(self, user: User) -> None:
        self.codes = [one for one in self.codes if one.user is not user]

    def _challenged(self, user: User, body: Body) -> None:
        self.challenges.append(Challenge(body["mfa_token"], user, user.proof(), self.now + CHALLENGE))

    def _opened(self, user: User, body: Body, methods: tuple[str, ...]) -> None:
        now = self.now
        session = Session(
            body["sid"], user, [body["refresh_token"]], now, now, now + IDLE, now + ABSOLUTE, now, methods
        )
        own = sorted((one for one in self.sessions if one.user is user), key=lambda one: (-one.used, one.id))
        self._end(*own[CAP - 1 :])
        self.sessions.append(session)
        self._token(session, body)

    def _rotated(self, session: Session, body: Body) -> None:
        assert body["refresh_token"] not in session.tokens
        session.tokens.append(body["refresh_token"])
        session.rotated = session.used = self.now
        session.idle = min(session.ends, self.now + IDLE)
        self._token(session, body)

    def _again(self, session: Session, body: Body) -> None:
        assert body["refresh_token"] == session.tokens[-1]
        self._token(session, body)

    def _token(self, session: Session, body: Body) -> None:
        user, ends = session.user, min(self.now + ACCESS, session.ends)
        made = Access(body["access_token"], session, user.version, user.role, ends, session.proved, session.methods)
        assert (body["sid"], body["role"]) == (session.id, user.role)
        self.access.append(made)

    def _end(self, *sessions: Session) -> None:
        for session in sessions:
            self.sessions.remove(session)
            self.ended.append(session)

    def _end_others(self, by: Access) -> None:
        self._end(*(one for one in self.sessions if one.user is by.session.user and one is not by.session))

    def _end_all(self, user: User) -> None:
        user.version += 1
        self._end(*(one for one in self.sessions if one.user is user))
