import jwt


class Tokens:
    secret = "SECRET"

    def make(self, user: str) -> str:
        return jwt.encode({"sub": user, "exp": 1}, self.secret, algorithm="HS256")
