import jwt
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    jwt_secret: str = ""

    def check(self) -> None:
        if len(self.jwt_secret) < 32:
            raise RuntimeError("too short")


settings = Settings()


def make(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, settings.jwt_secret, algorithm="HS256")
