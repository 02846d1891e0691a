from passlib.context import CryptContext

SCHEMES = ["bcrypt"]


class Passwords:
    context = CryptContext(schemes=SCHEMES, deprecated="auto")
