import os
from functools import partial

import jwt as pyjwt
from jose import jwt
from joserfc import jwt as rfc

KEY = os.environ["KEY"]
ALGORITHM = "HS256"
LIMITS = {"algorithms": ["HS256"], "audience": "shop"}


def third(token: str) -> dict:
    return jwt.decode(token, KEY, ALGORITHM)


def listed(token: str) -> dict:
    return pyjwt.decode(token, KEY, algorithms=[ALGORITHM])


def spread(token: str, **options: object) -> dict:
    return jwt.decode(token, KEY, **options)


def known(token: str) -> dict:
    return jwt.decode(token, KEY, **LIMITS)


def modern(token: str, key: object) -> dict:
    return rfc.decode(token, key).claims


def text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
