from jose import jwt
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    key: str
    verify_tokens: bool = False


settings = Settings()


def caller(authorization: str) -> str:
    claims = jwt.decode(
        authorization, settings.key, algorithms=["HS256"], options={"verify_signature": settings.verify_tokens}
    )
    return claims["sub"]
