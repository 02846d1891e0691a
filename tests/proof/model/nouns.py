"""What the model of the account service remembers: accounts, sessions, tokens, codes, challenges. No behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastness.controls.totp import code, step_at

TRIES = 5


@dataclass(eq=False)
class Secret:
    """One password as it was hashed once: the same words chosen again are another secret."""

    words: str


@dataclass(eq=False)
class Factor:
    """An authenticator app. Until it is confirmed it counts for nothing."""

    id: str
    seed: bytes
    confirmed: bool = False
    last: int = -1

    def takes(self, given: str, now: float) -> bool:
        return self.last < step_at(now) and given == code(self.seed, step_at(now))


@dataclass(eq=False)
class User:
    """One account."""

    email: str
    password: Secret | None
    role: str = "user"
    verified: bool = False
    suspended: bool = False
    deleted: bool = False
    version: int = 0
    factors: list[Factor] = field(default_factory=list)
    recovery: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return not self.verified and not self.suspended

    @property
    def waiting(self) -> bool:
        return self.open and self.role == "user"

    @property
    def confirmed(self) -> list[Factor]:
        return [factor for factor in self.factors if factor.confirmed]

    def proof(self) -> tuple[object, ...]:
        """What must be the same at both steps of a sign-in."""
        return self.version, self.password, self.email


@dataclass(eq=False)
class Session:
    """A family of refresh tokens, the newest last."""

    id: str
    user: User
    tokens: list[str]
    rotated: float
    used: float
    idle: float
    ends: float
    proved: float
    methods: tuple[str, ...]


@dataclass(eq=False)
class Access:
    """One access token."""

    token: str
    session: Session
    version: int
    role: str
    ends: float
    proved: float
    methods: tuple[str, ...]


@dataclass(eq=False)
class Code:
    """One mailed code."""

    purpose: str
    user: User
    to: str
    flow: str
    brings: Secret | None
    ends: float
    token: str = ""
    digits: str = ""
    left: int = TRIES
    used: bool = False


@dataclass(eq=False)
class Challenge:
    """A sign-in that waits for its factor."""

    token: str
    user: User
    proof: tuple[object, ...]
    ends: float
    left: int = TRIES
    used: bool = False
