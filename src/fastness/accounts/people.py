"""The application's own class, loaded through its own session factory: asynchronous, or synchronous in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import Engine, exc
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from fastness.accounts.engine import unavailable
from fastness.accounts.models.account import AccountTable
from fastness.core.errors import InvalidToken

UserT = TypeVar("UserT")
SessionFactory = Callable[[], Session] | Callable[[], AsyncSession]
"""`sessionmaker(engine)`, `async_sessionmaker(engine)`, or anything that gives a new session when it is called."""


class People(Generic[UserT]):
    """Reads objects of the class by key: one SELECT each, and no connection is held afterwards."""

    def __init__(self, user: type[UserT], accounts: AccountTable, factory: SessionFactory) -> None:
        self._user, self._accounts, self._factory = user, accounts, factory

    def engine(self) -> Engine | AsyncEngine:
        """What the sessions of the factory work on.

        Raises:
            TypeError: the factory gives no session, or one without an engine.
        """
        session: object = self._factory()
        if not isinstance(session, Session | AsyncSession):
            raise TypeError(
                "session_factory gives a Session or an AsyncSession when it is called, as sessionmaker(engine) does; "
                f"this one gives {type(session).__name__}. A dependency that yields a session is another thing."
            )
        try:
            bind = session.get_bind(self._user)
        except exc.UnboundExecutionError:
            bind = None
        if not isinstance(bind, Engine):
            raise TypeError("the sessions of session_factory have no engine: write sessionmaker(engine)")
        return AsyncEngine(bind) if isinstance(session, AsyncSession) else bind

    async def get(self, id: str) -> UserT | None:  # noqa: A002 - the word of the contract
        """The object with this key, detached from its session, or None.

        Raises:
            Unavailable: the database does not answer.
        """
        session = self._factory()
        if isinstance(session, AsyncSession):
            async with session:
                return await self.within(session, id)
        return await run_in_threadpool(self._apart, session, id)

    async def within(self, session: Session | AsyncSession, id: str) -> UserT | None:  # noqa: A002
        """The object with this key in this session, which keeps it, or None.

        Raises:
            Unavailable: the database does not answer.
        """
        key = self._accounts.parse(id)
        if key is None:
            return None
        with unavailable():
            if isinstance(session, AsyncSession):
                return await session.get(self._user, key)
            return await run_in_threadpool(session.get, self._user, key)

    def there(self, person: UserT | None) -> UserT:
        """The object of a caller, who is still there and not suspended.

        Raises:
            InvalidToken: otherwise.
        """
        if person is None:
            raise InvalidToken("the account is gone")
        if self._accounts.barred(person):
            raise InvalidToken("suspended")
        return person

    def _apart(self, session: Session, id: str) -> UserT | None:  # noqa: A002
        key = self._accounts.parse(id)
        with session, unavailable():
            return None if key is None else session.get(self._user, key)
