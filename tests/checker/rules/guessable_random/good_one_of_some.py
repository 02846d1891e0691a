import random


def credential(credential_ids: list[str]) -> str:
    return random.choice(credential_ids)
