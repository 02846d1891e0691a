import time

import jwt

from settings import KEY

WEEK = 7 * 24 * 3600


def sign(user: str) -> str:
    payload = {"user_id": user, "exp": int(time.time()) + WEEK}
    return jwt.encode(payload, KEY, algorithm="HS256")
