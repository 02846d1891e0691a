"""What the account service must answer, and what changes with the answer: the whole service in one small model.

Each method is a request: it looks, changes nothing, and gives back the status that must come and what then changes. So
a request that failed because the database was away is simply not applied.
"""

from __future__ import annotations

from fastness.controls.totp import step_at
from proof.model.effects import CODE, GRACE, Body, State, Step
from proof.model.nouns import Access, Challenge, Code, Factor, Secret, Session, User


class Model(State):
    """Everybody and everything, as it must be."""

    # Beginnings

    def register(self, email: str, words: str) -> Step:
        user, secret = self.find(email), Secret(words)
        if user is None:
            user = User(email, secret)
            made = Code("verify", user, email, "", secret, self.now + CODE)
            return Step(202, lambda body: self._created(made, body), made)
        brings = secret if user.waiting else None
        made = Code("verify", user, email, "", brings, self.now + CODE)

        def effect(body: Body) -> None:
            if user.waiting:
                user.password = None
            if user.open:
                self._mailed(made, body)

        return Step(202, effect, made if user.open else None)

    def resend(self, email: str) -> Step:
        user = self.find(email)
        if user is None or user.suspended or (not user.verified and user.password is None):
            return Step(202)
        made = Code("verify", user, email, "", None if user.verified else user.password, self.now + CODE)
        return Step(202, lambda body: self._mailed(made, body), made)

    def verify(self, given: Code, *, right: bool, link: bool) -> Step:
        def good() -> None:
            if not given.user.verified:
                given.user.password = given.brings or given.user.password
            given.user.verified = True

        user = given.user
        may = user.email == given.to and (user.verified or not (user.password is None and given.brings is None))
        return self._redeem("verify", given, good, right=right, link=link, may=may)

    def forgot(self, email: str) -> Step:
        user = self.find(email)
        if user is None or user.suspended:
            return Step(202)
        made = Code("reset", user, email, "", user.password, self.now + CODE)
        return Step(202, lambda body: self._mailed(made, body), made)

    def reset(self, given: Code, words: str, *, right: bool, link: bool) -> Step:
        user = given.user

        def good() -> None:
            user.password = Secret(words)
            if not user.verified:
                user.factors, user.recovery, user.verified = [], [], True
            self._forget(user)
            self._end_all(user)

        may = not user.suspended and user.email == given.to and user.password is given.brings
        return self._redeem("reset", given, good, right=right, link=link, may=may)

    # Sign-in

    def login(self, email: str, words: str) -> Step:
        user = self.find(email)
        if user is None or user.password is None or user.password.words != words or not user.verified or user.suspended:
            return Step(401)
        if user.confirmed:
            return Step(200, lambda body: self._challenged(user, body))
        return Step(200, lambda body: self._opened(user, body, ("pwd",)))

    def factor(self, given: Challenge, totp: str | None, recovery: str | None) -> Step:
        user = given.user
        if given.used or given.left == 0 or self.now >= given.ends or user.deleted or user.suspended:
            return Step(401)
        if given.proof != user.proof():
            return Step(401)
        able = user.confirmed or user.factors
        match = next((one for one in able if totp is not None and one.takes(totp, self.now)), None)
        good = match is not None or recovery in user.recovery

        def effect(body: Body) -> None:
            given.left -= 1
            if match is not None:
                match.last, match.confirmed = step_at(self.now), True
            elif recovery in user.recovery:
                user.recovery.remove(recovery)
            if good:
                given.used = True
                self._opened(user, body, ("pwd", "otp" if match else "recovery_code", "mfa"))

        return Step(200 if good else 403, effect)

    def refresh(self, token: str) -> Step:
        session = next((one for one in self.sessions if token in one.tokens), None)
        if session is None or self.now >= session.idle:
            return Step(401)
        if token == session.tokens[-1]:
            return Step(200, lambda body: self._rotated(session, body))
        if len(session.tokens) > 1 and token == session.tokens[-2] and self.now - session.rotated <= GRACE:
            return Step(200, lambda body: self._again(session, body))
        return Step(401, lambda _: self._end(session))

    # With a token

    def profile(self, by: Access) -> Step:
        def effect(body: Body) -> None:
            assert body["email"] == by.session.user.email

        return Step(200, effect) if self.live(by) else Step(401)

    def everybody(self, by: Access) -> Step:
        return Step(401 if not self.live(by) else 200 if by.role == "admin" else 403)

    def listed(self, by: Access) -> Step:
        def effect(body: Body) -> None:
            own = {one.id for one in self.sessions if one.user is by.session.user and self.now < one.idle}
            assert {one["id"] for one in body["items"]} == own
            assert [one["id"] for one in body["items"] if one["current"]] == [by.session.id]

        return Step(200, effect) if self.live(by) else Step(401)

    def revoke(self, by: Access, target: Session) -> Step:
        if not self.live(by):
            return Step(401)
        there = target in self.sessions and target.user is by.session.user and self.now < target.idle
        return Step(204, lambda _: self._end(target)) if there else Step(404)

    def revoke_others(self, by: Access) -> Step:
        return Step(204, lambda _: self._end_others(by)) if self.live(by) else Step(401)

    def logout(self, by: Access) -> Step:
        return Step(204, lambda _: self._end(by.session)) if self.live(by) else Step(401)

    def logout_all(self, by: Access) -> Step:
        return Step(204, lambda _: self._end_all(by.session.user)) if self.live(by) else Step(401)

    def change_password(self, by: Access, words: str, wanted: str) -> Step:
        def effect(_: Body) -> None:
            by.session.user.password = Secret(wanted)
            self._forget(by.session.user)
            self._end_others(by)

        return self._proved(by, words, 204, effect)

    def change_email(self, by: Access, email: str, words: str) -> Step:
        user, owner = by.session.user, self.find(email)
        made = Code("email", user, email, "", None, self.now + CODE)

        def effect(body: Body) -> None:
            self.codes = [one for one in self.codes if one.user is not user or one.purpose != "email"]
            self._mailed(made, body)

        if owner not in (None, user):
            return self._proved(by, words, 202, lambda _: None)
        return self._proved(by, words, 202, effect, made)

    def confirm_email(self, by: Access, given: Code, *, right: bool, link: bool) -> Step:
        if not self.live(by):
            return Step(401)
        user = by.session.user

        def good() -> None:
            user.email, user.verified = given.to, True
            self._forget(user)
            self._end_others(by)

        if given.user is not user and right:
            return Step(400)
        return self._redeem("email", given, good, right=right, link=link, may=self.find(given.to) in (None, user))

    def reauthenticate(self, by: Access, words: str) -> Step:
        user = by.session.user
        if not self.live(by) or user.confirmed:
            return Step(401)

        def effect(body: Body) -> None:
            session = by.session
            session.proved, session.methods = self.now, tuple(dict.fromkeys((*by.methods, "pwd")))
            self._token(session, body)

        return self._proved(by, words, 200, effect)

    def begin_totp(self, by: Access) -> Step:
        user = by.session.user

        def effect(body: Body) -> None:
            user.factors = [*user.confirmed, Factor(body["id"], body["seed"])]

        return Step(201, effect) if self._recent(by) else Step(401)

    def confirm_totp(self, by: Access, factor: Factor, given: str) -> Step:
        user = by.session.user
        if not self._recent(by):
            return Step(401)
        if factor not in user.factors or factor.confirmed:
            return Step(404)
        if not factor.takes(given, self.now):
            return Step(403)

        def effect(body: Body) -> None:
            assert len(body["recovery_codes"]) == (0 if user.confirmed else 10)
            user.recovery = body["recovery_codes"] or user.recovery
            factor.confirmed, factor.last = True, step_at(self.now)
            self._end_others(by)

        return Step(200, effect)

    def remove_totp(self, by: Access, factor: Factor) -> Step:
        user = by.session.user
        if not self._recent(by):
            return Step(401)

        def effect(_: Body) -> None:
            user.factors.remove(factor)
            user.recovery = user.recovery if user.confirmed else []
            self._end_others(by)

        return Step(204, effect) if factor in user.factors else Step(404)

    # An administrator

    def manage(self, user: User, did: str) -> Step:
        def effect(_: Body) -> None:
            self._managed(user, did)

        status = 204 if did in ("revoke", "force-reset", "reset-factors", "delete") else 200
        return Step(404) if user.deleted else Step(status, effect)
