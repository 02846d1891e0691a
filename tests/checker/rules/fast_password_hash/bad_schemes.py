from passlib.context import CryptContext

SCHEMES = ["hex_sha256", "bcrypt"]
context = CryptContext(schemes=SCHEMES)
