from fastapi import Header
from jose import jwt


def caller(authorization: str = Header()) -> dict:
    return jwt.get_unverified_claims(authorization.removeprefix("Bearer "))
