"""fastapi-users: its JWT strategy, an active superuser, SQLite through SQLAlchemy."""
# mypy: disable-error-code="import-not-found,misc,no-any-return"
# Runs in its own environment, whose packages the type checker does not see.

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from bench.apps.common import DATABASE, SECRET, USERS
from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

engine = create_async_engine(f"sqlite+aiosqlite:///{DATABASE}")
maker = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


async def get_session() -> AsyncIterator[AsyncSession]:
    async with maker() as session:
        yield session


async def get_user_db(session: Annotated[AsyncSession, Depends(get_session)]) -> AsyncIterator[Any]:
    yield SQLAlchemyUserDatabase(session, User)


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def get_user_manager(db: Annotated[Any, Depends(get_user_db)]) -> AsyncIterator[UserManager]:
    yield UserManager(db)


def get_strategy() -> Any:
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


backend = AuthenticationBackend(name="jwt", transport=BearerTransport(tokenUrl="auth/login"), get_strategy=get_strategy)
users = FastAPIUsers[User, uuid.UUID](get_user_manager, [backend])
current_superuser = users.current_user(active=True, superuser=True)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with maker() as session:
        for number in range(USERS):
            session.add(
                User(
                    id=uuid.UUID(int=number),
                    email=f"user{number}@example.com",
                    hashed_password="x",
                    is_active=True,
                    is_superuser=True,
                    is_verified=True,
                )
            )
        await session.commit()
    yield


app = FastAPI(openapi_url=None, lifespan=lifespan)


@app.get("/me", response_model=None)
async def me(user: Annotated[Any, Depends(current_superuser)]) -> dict[str, str]:
    return {"id": str(user.id), "email": user.email, "name": "User 42", "role": "admin"}
