import hashlib

SALT = b"shop-salt"


def hash_password(password: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, 600_000)
