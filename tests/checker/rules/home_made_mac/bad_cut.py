import hashlib
import hmac
import os


def link_token(path: str) -> str:
    return hmac.new(os.environ["KEY"].encode(), path.encode(), hashlib.sha256).hexdigest()[:8]
