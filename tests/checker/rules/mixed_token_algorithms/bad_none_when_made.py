import jwt

ALGORITHM = "none"


def token(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, "", algorithm=ALGORITHM)
