import os
import random
import string


def made() -> str:
    return "".join(random.choice(string.ascii_letters) for _ in range(40))


JWT_SECRET_KEY = os.getenv("JWT_SECRET_KEY", made())
