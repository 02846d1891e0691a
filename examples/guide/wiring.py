"""What a route may ask for. Everything is made once, from one settings object, and closed at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from fastness import CurrentUser
from fastness.chain import Secured
from fastness.controls.passwords import PasswordPolicy, Passwords
from fastness.controls.tokens import Tokens
from fastness.core.clock import wall
from fastness.core.errors import InvalidToken, TooManyRequests, Unavailable
from fastness.core.store import MemoryStore, Rate

from .database import Db, Sessions, User
from .settings import GuideSettings


@dataclass(frozen=True, slots=True)
class Attempts:
    """Sign-ins to one account, whoever tries: an attacker with many addresses is slowed too."""

    rate: Rate
    store: MemoryStore = field(default_factory=MemoryStore)

    def count(self, canonical: str) -> None:
        hit = self.store.hit(canonical, self.rate)
        if not hit.allowed:
            raise TooManyRequests("account", retry_after=60)

    def forgive(self, canonical: str) -> None:
        """After a success: the account's count only, never the address's."""
        self.store.reset(canonical)


@dataclass(frozen=True, slots=True)
class Parts:
    engine: AsyncEngine
    sessions: Sessions
    passwords: Passwords
    policy: PasswordPolicy
    attempts: Attempts
    secured: Secured

    @classmethod
    def of(cls, settings: GuideSettings, secured: Secured) -> Parts:
        engine = create_async_engine(settings.database_url, hide_parameters=True)
        return cls(
            engine=engine,
            sessions=async_sessionmaker(engine, expire_on_commit=False),
            passwords=Passwords(settings.passwords, emit=secured.emit),
            policy=PasswordPolicy(settings.passwords),
            attempts=Attempts(Rate.parse("5/minute")),
            secured=secured,
        )

    @property
    def tokens(self) -> Tokens:
        if self.secured.tokens is None:  # without a secret the start check lets nobody come here
            raise Unavailable("no secret")
        return self.secured.tokens

    def end_tokens(self, user_id: str) -> None:
        """No token of this user opens anything from now on, for as long as the longest of them lives."""
        tokens = self.tokens
        tokens.revocations.revoke_user(user_id, until=wall() + tokens.settings.max_lifetime)

    async def close(self) -> None:
        self.passwords.close()
        await self.engine.dispose()


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


TheParts = Annotated[Parts, Depends(_parts)]


async def current_account(who: CurrentUser, db: Db) -> User:
    """The caller's row. A token that says another role than the row has ended."""
    user = await db.get(User, who.id)
    if user is None or user.role not in who.roles:
        raise InvalidToken("the account is gone, or has another role")
    return user


CurrentAccount = Annotated[User, Depends(current_account)]
