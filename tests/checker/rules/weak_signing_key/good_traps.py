import os

import jwt
from pydantic_settings import BaseSettings

PLACEHOLDER_SECRET_KEY = "fillmein"
CLIENT_SECRET_HEADER = "x-client-secret"


class Settings(BaseSettings):
    secret_key: str = ""
    other_key: str

    def model_post_init(self, context: object) -> None:
        if not self.secret_key:
            raise ValueError("SECRET_KEY is missing")


class TestConfig:
    SECRET_KEY = "only-for-tests"


settings = Settings()
if os.environ["SECRET_KEY"] == PLACEHOLDER_SECRET_KEY:
    raise SystemExit("set a key")


def make(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, settings.secret_key, algorithm="HS256")
