from fastapi_users.authentication import JWTStrategy

from settings import KEY


def strategy() -> JWTStrategy:
    return JWTStrategy(secret=KEY, lifetime_seconds=None)
