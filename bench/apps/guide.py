"""The guide's stack, as its text has it: JWT, a database read, CORS, headers, a limit by user and a role."""
# mypy: disable-error-code="import-not-found,import-untyped,untyped-decorator"
# Runs in its own environment, whose packages the type checker does not see.

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from bench.apps.common import BILLION, DATABASE, ORIGIN, SECRET, USERS
from fastapi import Depends, FastAPI, HTTPException, Request, Response, status
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from passlib.context import CryptContext
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address
from sqlalchemy import String
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.middleware.base import BaseHTTPMiddleware

ALGORITHM = "HS256"
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), microphone=()",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload",
}
engine = create_async_engine(f"sqlite+aiosqlite:///{DATABASE}")
session = async_sessionmaker(engine, expire_on_commit=False)
pwd_context = CryptContext(schemes=["bcrypt"], deprecated="auto", bcrypt__rounds=12)
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="/auth/token")


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(20))


async def get_current_user(token: Annotated[str, Depends(oauth2_scheme)]) -> User:
    refused = HTTPException(status.HTTP_401_UNAUTHORIZED, "Could not validate credentials")
    try:
        payload = jwt.decode(token, SECRET, algorithms=[ALGORITHM])
    except JWTError:
        raise refused from None
    async with session() as db:
        user = await db.get(User, payload.get("sub"))
    if user is None:
        raise refused
    return user


def require_role(*roles: str) -> Callable[..., Awaitable[User]]:
    async def role_checker(current_user: Annotated[User, Depends(get_current_user)]) -> User:
        if current_user.role not in roles:
            raise HTTPException(status.HTTP_403_FORBIDDEN, "Insufficient permissions")
        return current_user

    return role_checker


def get_user_id(request: Request) -> str:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        return str(jwt.decode(token, SECRET, algorithms=[ALGORITHM])["sub"])
    except JWTError:
        return str(get_remote_address(request))


class SecurityHeadersMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response


limiter = Limiter(key_func=get_user_id)
app = FastAPI(openapi_url=None)
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
app.add_middleware(
    CORSMiddleware,
    allow_origins=[ORIGIN],
    allow_credentials=True,
    allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
    allow_headers=["Content-Type", "Authorization"],
    max_age=3600,
)
app.add_middleware(SecurityHeadersMiddleware)


@app.get("/me", response_model=None)
@limiter.limit(BILLION)
async def me(
    request: Request,  # noqa: ARG001 - slowapi finds the request by its name
    current_user: Annotated[Any, Depends(require_role("admin", "super_admin"))],
) -> Any:
    return current_user


def seed() -> None:
    with sqlite3.connect(DATABASE) as db:
        db.execute(
            "create table users(id varchar(36) primary key, email varchar(255), name varchar(100), role varchar(20))"
        )
        db.execute("create unique index ix_users_email on users(email)")
        rows = [(f"u{i:07d}", f"user{i}@example.com", f"User {i}", "admin") for i in range(USERS)]
        db.executemany("insert into users values(?, ?, ?, ?)", rows)


seed()
