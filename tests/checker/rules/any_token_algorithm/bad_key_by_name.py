from jose import jwt

from settings import settings


class Tokens:
    def subject(self, token: str) -> str:
        return jwt.decode(token=token, key=settings.secret_key, audience="shop")["sub"]
