import hashlib

from settings import settings


def signature(user: str, amount: int) -> str:
    text = f"{user}:{amount}:{settings.signing_secret}"
    return hashlib.md5(text.encode("utf-8")).hexdigest()
