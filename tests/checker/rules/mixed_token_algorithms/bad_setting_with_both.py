from jose import jwt
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    key: str
    algorithms: list[str] = ["HS256", "RS256"]


settings = Settings()


def subject(token: str) -> str:
    return jwt.decode(token, settings.key, settings.algorithms)["sub"]
