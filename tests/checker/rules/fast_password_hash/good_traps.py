import base64
import hashlib

import bcrypt
import httpx
from passlib.context import CryptContext

context = CryptContext(["argon2", "hex_md5"], deprecated="auto")


def cached(path: str) -> str:
    return hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()


def etag(body: bytes) -> str:
    return hashlib.sha1(body).hexdigest()


def leaked(password: str) -> bool:
    digest = hashlib.sha1(password.encode()).hexdigest().upper()
    answer = httpx.get(f"https://api.pwnedpasswords.com/range/{digest[:5]}")
    return digest[5:] in answer.text


def long_ones(password: str) -> bytes:
    digest = base64.b64encode(hashlib.sha256(password.encode()).digest())
    return bcrypt.hashpw(digest, bcrypt.gensalt(12))


def reset_token_digest(password_reset_token: str) -> str:
    return hashlib.sha256(password_reset_token.encode()).hexdigest()
