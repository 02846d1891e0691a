import os

from jose.jwt import decode as read_token

ALGORITHMS = None


def subject(token: str) -> str:
    return read_token(token, os.environ["KEY"], ALGORITHMS)["sub"]
