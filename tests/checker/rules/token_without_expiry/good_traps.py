from datetime import UTC, datetime, timedelta

import jwt
from pydantic import BaseModel

from settings import KEY


class Payload(BaseModel):
    sub: str
    exp: int


def updated(data: dict) -> str:
    to_encode = data.copy()
    expire = datetime.now(UTC) + timedelta(minutes=5)
    to_encode.update(exp=expire)
    return jwt.encode(to_encode, KEY)


def stored(user: str) -> str:
    claims = {"sub": user}
    claims["exp"] = 1
    return jwt.encode(claims, KEY)


def merged(user: str) -> str:
    return jwt.encode({"sub": user} | _times(), KEY)


def _times() -> dict:
    return {"iat": 0, "exp": 1}


def dumped(user: str) -> str:
    return jwt.encode(Payload(sub=user, exp=1).model_dump(), KEY)


def unknown(data: dict) -> str:
    return jwt.encode(data, KEY)


def asked(user: str) -> str:
    return caller({"sub": user, "exp": 1})


def caller(claims: dict) -> str:
    return jwt.encode(claims, KEY)


def text(value: str) -> bytes:
    return value.encode()
