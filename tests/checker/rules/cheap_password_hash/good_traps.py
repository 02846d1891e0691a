import hashlib
import os

import bcrypt
from argon2 import PasswordHasher
from passlib.context import CryptContext

context = CryptContext(schemes=["bcrypt"], deprecated="auto")
strong = CryptContext(schemes=["bcrypt"], bcrypt__rounds=12)
hasher = PasswordHasher()
configured = CryptContext(schemes=["bcrypt"], bcrypt__rounds=int(os.environ["ROUNDS"]))


def hash_password(password: str) -> bytes:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt())


def stretched(password: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), os.urandom(16), 210_000)


def cache_key(name: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", name.encode(), b"cache", 1)
