from datetime import UTC, datetime, timedelta

from jose import jwt
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    key: str
    token_days: int = 30


settings = Settings()


def make(data: dict, expires_delta: timedelta | None = None) -> str:
    to_encode = data.copy()
    if expires_delta:
        expire = datetime.now(UTC) + expires_delta
    else:
        expire = datetime.now(UTC) + timedelta(minutes=15)
    to_encode.update({"exp": expire})
    return jwt.encode(to_encode, settings.key, algorithm="HS256")


def login(user: str) -> dict:
    token = make(data={"sub": user}, expires_delta=timedelta(days=settings.token_days))
    return {"access_token": token}
