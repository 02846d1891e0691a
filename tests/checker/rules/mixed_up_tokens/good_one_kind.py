import os

import jwt

KEY = os.environ["KEY"]


def access_token(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, KEY)


def caller(token: str) -> str:
    return jwt.decode(token, KEY, algorithms=["HS256"])["sub"]
