import hashlib
import hmac
import os

SECRET = os.environ["SECRET"]


def cache_key(secret_key: str, url: str) -> str:
    return hashlib.md5(f"{secret_key}:{url}".encode()).hexdigest()


def content(path: str, body: str) -> str:
    return hashlib.sha256((path + body).encode()).hexdigest()


def signature(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def key_id(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def half(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()[:32]
