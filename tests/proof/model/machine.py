"""A hypothesis machine that sends requests to the real service and compares every answer and the database with the model."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fastness.controls.totp import code, step_at
from proof.model.draws import BACK, DEEDS, EMAILS, FAULTS, MOVES, PATHS, WORDS, back, having
from proof.model.effects import ROLES, Step
from proof.model.model import Model
from proof.model.nouns import Access, Code, Factor, Session, User
from proof.model.service import Fault, Service, leaves


class Machine(RuleBasedStateMachine):
    """One service from its start to its end."""

    kind: ClassVar[str] = "sqlite"
    requests: ClassVar[int] = 0
    probes: ClassVar[int] = 0
    """Of these requests, the ones that only look whether a token works."""
    faults: ClassVar[int] = 0
    statuses: ClassVar[dict[tuple[str, int], int]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.service = Service(self.kind)
        self.model = Model(self.service.clock.wall())
        self.ids: dict[User, str] = {}
        self.turn = 0

    def teardown(self) -> None:
        self.service.close()

    def send(
        self, step: Step, method: str, path: str, body: Any = None, by: Access | str | None = None,
        *,
        fault: int | None = None,
    ) -> None:  # fmt: skip
        """Send it; the answer is what the model says, or 503 and nothing happened."""
        Machine.requests += 1
        token = by.token if isinstance(by, Access) else by
        answer = self.service.ask(method, path, body, token, None if fault is None else Fault(fault))
        if answer.fired:
            Machine.faults += 1
            assert (answer.status, answer.mailed) == (503, []), f"{path} without database: {answer}"
            return
        assert answer.status == step.status, f"{method} {path}: {answer.status} {answer.body}, expected {step.status}"
        assert answer.mailed == ([step.code.to] if step.code else []), f"{path} mailed codes to {answer.mailed}"
        step.effect(answer.body)
        if "refresh_token" in answer.body:
            # Of sessions that were used at the same moment, their random ids say which makes room; a story must replay.
            self.time(1)
        route = "/".join(part for part in path.split("/") if len(part) < 16)
        Machine.statuses[route, answer.status] = Machine.statuses.get((route, answer.status), 0) + 1

    def proof(self, given: Code, *, right: bool, link: bool) -> dict[str, str]:
        """The code as a caller would give it; the link of a mail without one is as good as a wrong one."""
        if link:
            return {"token": given.token if right and given.token else "x" * 43}
        wrong = f"{(int(given.digits) + 1) % 10**8:08d}"
        return {"code": given.digits if right else wrong, "flow": given.flow}

    def by_code(self, number: int, purpose: str, *, right: bool, link: bool) -> tuple[Code, bool, dict[str, str]]:
        given = back([one for one in self.model.codes if one.purpose == purpose] or self.model.codes, number)
        return given, right and not (link and not given.token), self.proof(given, right=right, link=link)

    @rule(move=MOVES)
    def time(self, move: int) -> None:
        self.service.clock.ahead += move
        self.model.now = self.service.clock.wall()

    @rule(email=EMAILS, words=WORDS, fault=FAULTS)
    def register(self, email: str, words: str, fault: int | None) -> None:
        body = {"email": email, "password": words, "name": "Someone"}
        self.send(self.model.register(email, words), "POST", "/auth/register", body, fault=fault)

    @rule(email=EMAILS, words=WORDS)
    def arrive(self, email: str, words: str) -> None:
        """Register, verify and sign in, as most do."""
        self.register(email, words, None)
        if self.model.codes and self.model.codes[-1].to == email:
            self.verify(0, right=True, link=False, fault=None)
        if (user := self.model.find(email)) is not None:
            self.login(-1 - self.model.users.index(user), None, None)

    @rule(email=EMAILS, what=st.sampled_from(["resend", "forgot"]), fault=FAULTS)
    def ask(self, email: str, what: str, fault: int | None) -> None:
        if what == "resend":
            self.send(self.model.resend(email), "POST", "/auth/verify-email/resend", {"email": email}, fault=fault)
        else:
            self.send(self.model.forgot(email), "POST", "/auth/password/forgot", {"email": email}, fault=fault)

    @having("codes")
    @rule(number=BACK, right=st.sampled_from([True, True, True, False]), link=st.booleans(), fault=FAULTS)
    def verify(self, number: int, *, right: bool, link: bool, fault: int | None) -> None:
        given, right, body = self.by_code(number, "verify", right=right, link=link)
        self.send(self.model.verify(given, right=right, link=link), "POST", "/auth/verify-email", body, fault=fault)

    @having("codes")
    @rule(number=BACK, right=st.sampled_from([True, True, True, False]), link=st.booleans(), words=WORDS, fault=FAULTS)
    def reset(self, number: int, *, right: bool, link: bool, words: str, fault: int | None) -> None:
        given, right, body = self.by_code(number, "reset", right=right, link=link)
        step = self.model.reset(given, words, right=right, link=link)
        self.send(step, "POST", "/auth/password/reset", {**body, "password": words}, fault=fault)

    @having("users")
    @rule(number=BACK, words=st.none() | WORDS, fault=FAULTS)
    def login(self, number: int, words: str | None, fault: int | None) -> None:
        user = back(self.model.users, number)
        words = words or (user.password.words if user.password else "violet teapot under the stairs")
        body = {"email": user.email, "password": words}
        self.send(self.model.login(user.email, words), "POST", "/auth/login", body, fault=fault)

    @having("users")
    @rule(number=BACK)
    def login_again(self, number: int) -> None:
        self.login(number, None, None)

    @having("challenges")
    @rule(number=BACK, what=st.sampled_from(["code", "code", "recovery", "wrong"]), fault=FAULTS)
    def factor(self, number: int, what: str, fault: int | None) -> None:
        given = back(self.model.challenges, number)
        user, body = given.user, {"mfa_token": given.token}
        able = user.confirmed or user.factors
        if what == "recovery":
            body["recovery_code"] = user.recovery[0] if user.recovery else "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAA"
        else:
            body["code"] = self.shown(able[number % len(able)] if able else None, right=what == "code")
        step = self.model.factor(given, body.get("code"), body.get("recovery_code"))
        self.send(step, "POST", "/auth/mfa", body, fault=fault)

    def shown(self, factor: Factor | None, *, right: bool) -> str:
        value = code(factor.seed, step_at(self.model.now)) if factor else "000000"
        return value if right else f"{(int(value) + 1) % 10**6:06d}"

    @having("sessions")
    @rule(number=BACK, age=st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3]), fault=FAULTS)
    def refresh(self, number: int, age: int, fault: int | None) -> None:
        self.renew(back(self.model.sessions, number), age, fault)

    @having("ended")
    @rule(number=BACK)
    def refresh_ended(self, number: int) -> None:
        self.renew(back(self.model.ended, number), 0, None)

    def renew(self, session: Session, age: int, fault: int | None) -> None:
        token = session.tokens[-1 - min(age, len(session.tokens) - 1)]
        self.send(self.model.refresh(token), "POST", "/auth/refresh", {"refresh_token": token}, fault=fault)

    @having("access")
    @rule(
        number=BACK,
        what=st.sampled_from(["profile", "users", "sessions", "others", "logout", "logout-all"]),
        fault=FAULTS,
    )
    def signed_in(self, number: int, what: str, fault: int | None) -> None:
        by, model = back(self.model.access, number), self.model
        step, method, path = {
            "profile": (model.profile, "GET", "/profile"),
            "users": (model.everybody, "GET", "/users"),
            "sessions": (model.listed, "GET", "/account/sessions"),
            "others": (model.revoke_others, "DELETE", "/account/sessions"),
            "logout": (model.logout, "POST", "/auth/logout"),
            "logout-all": (model.logout_all, "POST", "/auth/logout-all"),
        }[what]
        self.send(step(by), method, path, by=by, fault=fault)

    @having("access")
    @rule(number=BACK, which=BACK, fault=FAULTS)
    def revoke(self, number: int, which: int, fault: int | None) -> None:
        by = back(self.model.access, number)
        session = back([*self.model.ended, *self.model.sessions], which)
        step = self.model.revoke(by, session)
        self.send(step, "DELETE", f"/account/sessions/{session.id}", by=by, fault=fault)

    @having("users")
    @rule(number=BACK)
    def totp(self, number: int) -> None:
        """Sign in and add an authenticator app, as many do, and sign in with it."""
        self.login(number, None, None)
        user = back(self.model.users, number)
        if user.factors or not self.model.access or self.model.access[-1].session.user is not user:
            return
        self.begin_totp(0, None)
        if not user.factors:
            return
        self.change_totp(0, right=True, remove=False, fault=None)
        self.time(31)
        self.login(number, None, None)
        if self.model.challenges:
            self.factor(0, "code", None)

    @having("access")
    @rule(number=BACK, words=WORDS, wanted=WORDS, fault=FAULTS)
    def change_password(self, number: int, words: str, wanted: str, fault: int | None) -> None:
        by = back(self.model.access, number)
        body = {"password": words, "new_password": wanted}
        step = self.model.change_password(by, words, wanted)
        self.send(step, "POST", "/account/password", body, by=by, fault=fault)

    @having("access")
    @rule(number=BACK, email=EMAILS, words=WORDS, fault=FAULTS)
    def change_email(self, number: int, email: str, words: str, fault: int | None) -> None:
        by = back(self.model.access, number)
        step = self.model.change_email(by, email, words)
        self.send(step, "POST", "/account/email", {"email": email, "password": words}, by=by, fault=fault)

    @having("access", "codes")
    @rule(number=BACK, which=BACK, right=st.sampled_from([True, True, True, False]), link=st.booleans(), fault=FAULTS)
    def confirm_email(self, number: int, which: int, *, right: bool, link: bool, fault: int | None) -> None:
        by = back(self.model.access, number)
        given, right, body = self.by_code(which, "email", right=right, link=link)
        step = self.model.confirm_email(by, given, right=right, link=link)
        self.send(step, "POST", "/account/email/confirm", body, by=by, fault=fault)

    @having("access")
    @rule(number=BACK, words=WORDS, fault=FAULTS)
    def reauthenticate(self, number: int, words: str, fault: int | None) -> None:
        by = back(self.model.access, number)
        step = self.model.reauthenticate(by, words)
        self.send(step, "POST", "/auth/reauthenticate", {"password": words}, by=by, fault=fault)

    @precondition(lambda self: any(len(one.session.user.factors) < 3 for one in self.model.access))
    @rule(number=BACK, fault=FAULTS)
    def begin_totp(self, number: int, fault: int | None) -> None:
        by = back([one for one in self.model.access if len(one.session.user.factors) < 3], number)
        self.send(self.model.begin_totp(by), "POST", "/account/factors/totp", {}, by=by, fault=fault)

    @precondition(lambda self: any(one.session.user.factors for one in self.model.access))
    @rule(
        number=BACK,
        right=st.sampled_from([True, True, False]),
        remove=st.sampled_from([False, False, True]),
        fault=FAULTS,
    )
    def change_totp(self, number: int, *, right: bool, remove: bool, fault: int | None) -> None:
        by = back([one for one in self.model.access if one.session.user.factors], number)
        factor = by.session.user.factors[-1]
        path, given = f"/account/factors/{factor.id}", self.shown(factor, right=right)
        if remove:
            self.send(self.model.remove_totp(by, factor), "DELETE", path, by=by, fault=fault)
        else:
            step = self.model.confirm_totp(by, factor, given)
            self.send(step, "POST", f"{path}/confirm", {"code": given}, by=by, fault=fault)

    @precondition(lambda self: (self.model.users or self.model.gone) and self.turn % 3 == 0)
    @rule(number=BACK, did=st.sampled_from(DEEDS), fault=FAULTS)
    def manage(self, number: int, did: str, fault: int | None) -> None:
        user = back([*self.model.gone[-2:], *self.model.users], number)
        step, path, root = self.model.manage(user, did), f"/users/{self.id_of(user)}", self.service.root()
        if did in ROLES:
            self.send(step, "PATCH", path, {"role": did}, by=root, fault=fault)
        elif did == "delete":
            self.send(step, "DELETE", path, by=root, fault=fault)
        else:
            self.send(step, "POST", path + PATHS[did], by=root, fault=fault)

    def id_of(self, user: User) -> str:
        if user not in self.ids:
            self.ids[user] = self.service.id_of(user.email)
        return self.ids[user]

    @invariant()
    def the_database_holds_what_the_model_holds(self) -> None:
        people = sorted(
            (
                one.email, one.role, int(one.verified), int(one.suspended), int(one.password is None),
                len(one.confirmed), len(one.recovery),
            )
            for one in self.model.users
        )  # fmt: skip
        held = self.service.held()
        assert held["people"] == people
        assert held["leaves"] == leaves(one.tokens[-1] for one in self.model.sessions), "one live leaf a session"

    @invariant()
    def a_token_works_while_its_session_lives_and_no_longer(self) -> None:
        if self.model.access:
            self.turn += 1
            by = back(self.model.access, self.turn % 12)
            self.send(self.model.profile(by), "GET", "/profile", by=by)
        Machine.probes += bool(self.model.access)
