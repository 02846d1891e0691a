import hashlib

from pydantic import SecretStr
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    host: str = "localhost"
    layout: str = "{host}/{path}"
    secret: SecretStr


settings = Settings()


def link(path: str) -> str:
    h = hashlib.sha256()
    h.update(settings.secret.get_secret_value().encode())
    h.update(settings.layout.format(host=settings.host, path=path).encode())
    return h.hexdigest()
