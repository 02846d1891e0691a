import os
import random
import string


def made() -> str:
    return "".join(random.choice(string.ascii_letters) for _ in range(40))


DEMO_NAME = os.getenv("DEMO_NAME", made())
