import hashlib
import hmac


def digest(data: bytes, name: str) -> str:
    h = hashlib.sha256()
    h.update(data)
    h.update(name.encode())
    return h.hexdigest()


def signature(secret_key: bytes, data: bytes) -> str:
    mac = hmac.new(secret_key, digestmod=hashlib.sha256)
    mac.update(data)
    return mac.hexdigest()
