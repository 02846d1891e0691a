import secrets
import string


def generate_otp() -> str:
    return "".join(secrets.choice(string.digits) for _ in range(4))
