from passlib.context import CryptContext

from models import User

context = CryptContext(["argon2"])


def get_password_hash(password: str) -> str:
    return context.hash(password)


def first_start(db) -> None:
    db.add(User(email="admin@example.com", hashed_password=get_password_hash("Summer2024")))
