import hashlib
import os


class Passwords:
    def make(self, password: str) -> str:
        salt = os.urandom(8).hex()
        salted = salt + password
        return salt + hashlib.sha512(salted.encode("utf-8")).hexdigest()
