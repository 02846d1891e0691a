from jose import jwt

SECRET_KEY = "your-secret-key"


def token(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, SECRET_KEY, algorithm="HS256")
