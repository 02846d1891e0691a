import os
from datetime import UTC, datetime, timedelta

import jwt

from settings import KEY

ACCESS_TOKEN_EXPIRE_MINUTES = int(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30"))
REFRESH_TOKEN_EXPIRE_DAYS = 30
EMAIL_RESET_TOKEN_EXPIRE_HOURS = 48
ACCESS_TOKEN_CACHE_SIZE = 100_000


def make(user: str, lifetime: timedelta) -> str:
    return jwt.encode({"sub": user, "exp": datetime.now(UTC) + lifetime}, KEY)


def login(user: str) -> dict:
    return {
        "access_token": make(user, timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES)),
        "refresh_token": make(user, timedelta(days=REFRESH_TOKEN_EXPIRE_DAYS)),
    }


def reset_link(user: str) -> str:
    return make(user, timedelta(hours=EMAIL_RESET_TOKEN_EXPIRE_HOURS))


def invitation(email: str) -> str:
    return jwt.encode({"sub": email, "type": "invitation", "exp": datetime.now(UTC) + timedelta(days=14)}, KEY)
