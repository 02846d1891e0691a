import os

import jwt

KEY = os.environ["KEY"]


def access_token(user: str) -> str:
    return jwt.encode({"sub": user, "type": "access", "exp": 1}, KEY)


def refresh_token(user: str) -> str:
    return jwt.encode({"sub": user, "type": "refresh", "exp": 1}, KEY)


def caller(token: str) -> str:
    claims = jwt.decode(token, KEY, algorithms=["HS256"])
    if claims["type"] != "access":
        raise ValueError
    return claims["sub"]
