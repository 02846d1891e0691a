import random
import string

from models import User


def invite(email: str) -> User:
    letters = string.ascii_letters + string.digits
    password = "".join(random.choice(letters) for _ in range(12))
    return User(email=email, password=password)
