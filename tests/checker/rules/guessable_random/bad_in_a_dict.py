import random as rnd


def issue(user: int) -> dict:
    return {"user": user, "reset_token": str(rnd.getrandbits(128))}
