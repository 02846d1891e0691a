from datetime import UTC, datetime, timedelta

from jose import jwt

from settings import settings


def make(user: str, lifetime: timedelta) -> str:
    return jwt.encode({"sub": user, "exp": datetime.now(UTC) + lifetime}, settings.secret_key, algorithm="HS256")


def login(user: str) -> dict:
    access = make(user, timedelta(minutes=5))
    refresh = make(user, timedelta(days=7))
    return {"access": access, "refresh": refresh}


def caller(token: str) -> str:
    return jwt.decode(token, settings.secret_key, algorithms=["HS256"])["sub"]
