"""The user model, and one short transaction for each request.

`canonical` is the address to compare and look up by: `Ada@Example.com` and `ada@example.com` are one account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Request
from sqlalchemy import String
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Every table."""


class User(Base):
    """One account. Routes never answer with it: what outsiders see is typed in `account.py`."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    email: Mapped[str] = mapped_column(String(254))
    canonical: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(32), default="user", index=True)
    password_hash: Mapped[str] = mapped_column(String(255))


Sessions = async_sessionmaker[AsyncSession]


async def create_tables(engine: AsyncEngine) -> None:
    """Make the tables that are missing; a real application migrates."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    sessions: Sessions = request.app.state.parts.sessions
    async with sessions.begin() as db:
        yield db


Db = Annotated[AsyncSession, Depends(session, scope="function")]
"""One transaction. `scope="function"` commits before the answer leaves: a failed commit is never reported as success.

Routes that hash a password take `Sessions` instead, so that no transaction is open while they wait for the hash.
"""
