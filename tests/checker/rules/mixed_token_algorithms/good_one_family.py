import os

import jwt

KEY = os.environ["KEY"]
ALGORITHMS = ("ES256", "RS256")


def subject(token: str) -> str:
    return jwt.decode(token, KEY, algorithms=list(ALGORITHMS))["sub"]


def token(user: str, algorithm: str = "HS512") -> str:
    return jwt.encode({"sub": user, "exp": 1}, KEY, algorithm=algorithm)
