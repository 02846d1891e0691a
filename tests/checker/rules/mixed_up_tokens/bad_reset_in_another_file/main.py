import jwt

from tokens import KEY


class Guard:
    def who(self, token: str) -> str:
        return jwt.decode(token, KEY, algorithms=["HS256"]).get("sub", "")
