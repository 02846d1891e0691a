import hashlib
import os
import time

PARTNER = "shop"
SECRET_KEY = os.environ["SECRET_KEY"]


def stamp() -> str:
    return hashlib.sha1(f"{PARTNER}:{time.time()}:{SECRET_KEY}".encode()).hexdigest()
