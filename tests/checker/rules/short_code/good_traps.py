import random
import secrets
import string
from datetime import UTC, datetime, timedelta

LENGTH = 8


def generate_otp() -> dict:
    code = "".join(secrets.choice(string.digits) for _ in range(6))
    return {"code": code, "expires_at": datetime.now(UTC) + timedelta(minutes=5)}


def recovery_code() -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(LENGTH))


def room_code() -> str:
    return str(random.randint(1000, 9999))


def port() -> int:
    return random.randint(8000, 9000)
