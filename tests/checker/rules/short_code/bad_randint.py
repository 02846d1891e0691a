import random


def send(phone: str) -> None:
    verification_code = random.randint(1000, 9999)
    print(phone, verification_code)
