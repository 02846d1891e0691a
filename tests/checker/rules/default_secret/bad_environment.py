import os

import jwt

KEY = os.getenv("JWT_SECRET_KEY", "development-key")


def make(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, KEY, algorithm="HS256")
