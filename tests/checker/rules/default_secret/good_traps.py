import os
import secrets

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    environment: str = "local"
    secret_key: str = "changethis"
    session_key: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    other_secret: str = secrets.token_urlsafe(32)
    smtp_password: str = ""
    api_key: str | None = None

    def _refuse(self, value: str) -> None:
        if value == "changethis" and self.environment != "local":
            raise ValueError("set SECRET_KEY")

    @model_validator(mode="after")
    def check(self) -> "Settings":
        self._refuse(self.secret_key)
        return self


class DevelopmentSettings(Settings):
    secret_key: str = "development"


ADMIN_TOKEN = os.getenv("ADMIN_TOKEN", "insecure")
if ADMIN_TOKEN == "insecure":
    raise SystemExit("set ADMIN_TOKEN")


def connect(settings: Settings) -> str:
    key = settings.secret_key or os.environ["KEY"]
    return key
