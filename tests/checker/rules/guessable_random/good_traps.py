import random
import secrets
import string
from random import SystemRandom

COLORS = ["red", "green"]


def retry_delay(attempt: int) -> float:
    return 2**attempt + random.uniform(0, 1)


def demo_users() -> list[str]:
    return [random.choice(["ada", "bob"]) for _ in range(10)]


def pick_color() -> str:
    return random.choice(COLORS)


def username() -> str:
    return "guest" + str(random.randint(1, 9999))


def reset_token() -> str:
    return secrets.token_urlsafe(32)


def password() -> str:
    return "".join(SystemRandom().choice(string.ascii_letters) for _ in range(20))


def chosen(rows: list[dict]) -> dict:
    token_count = random.randint(10, 20)
    return {"rows": random.sample(rows, 3), "max_tokens": token_count}
