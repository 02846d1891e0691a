import jwt
from jwt import PyJWKClient

CLIENT = PyJWKClient("https://login.example.com/keys")
KEYS = {"2026": "a public key"}


def subject(token: str) -> str:
    key = KEYS.get(jwt.get_unverified_header(token)["kid"], "")
    return jwt.decode(token, key, algorithms=["RS256"])["sub"]


def other(token: str) -> str:
    signing = CLIENT.get_signing_key_from_jwt(token)
    if jwt.get_unverified_header(token)["alg"] != "RS256":
        raise ValueError
    return jwt.decode(token, signing.key, algorithms=["RS256"])["sub"]
