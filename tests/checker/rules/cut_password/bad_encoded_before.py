from bcrypt import gensalt, hashpw


def hash_password(password: str) -> str:
    given = password.encode("utf-8")
    return hashpw(given, gensalt(12)).decode()
