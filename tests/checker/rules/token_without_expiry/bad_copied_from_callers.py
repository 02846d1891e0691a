from jose import jwt

from settings import KEY


def make(data: dict) -> str:
    payload = data.copy()
    payload.update({"iss": "shop"})
    return jwt.encode(payload, KEY, algorithm="HS256")


def login(user: str) -> dict:
    return {"access_token": make({"sub": user})}


def renew(user: str) -> dict:
    return {"access_token": make(data={"sub": user, "scope": "all"})}
