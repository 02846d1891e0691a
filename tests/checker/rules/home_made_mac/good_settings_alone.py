import hashlib
import os
from functools import cache

from pydantic import SecretStr
from pydantic_settings import BaseSettings

PEPPER_SECRET = os.environ["PEPPER_SECRET"]


class Settings(BaseSettings):
    host: str = "localhost"
    secret: SecretStr


settings = Settings()


@cache
def installation() -> str:
    host = settings.host
    h = hashlib.sha256()
    h.update(host.encode("utf-8"))
    h.update(settings.secret.get_secret_value().encode("utf-8"))
    return h.hexdigest()


def encryption_key() -> bytes:
    h = hashlib.blake2b()
    h.update(b"sessions")
    h.update(PEPPER_SECRET.encode())
    return h.digest()


def short() -> str:
    return hashlib.sha256(f"{settings.host}:{PEPPER_SECRET}".encode()).hexdigest()
