from joserfc import jwt
from joserfc.jwk import OctKey


class Tokens:
    def __init__(self, key: str) -> None:
        self.key = OctKey.import_key(key)

    def make(self, user: str, role: str) -> str:
        claims = {"sub": user, **{"role": role}}
        return jwt.encode({"alg": "HS256"}, claims, self.key)
