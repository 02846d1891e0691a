"""What the endpoints of all stacks return, and the limits that no run reaches."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any

ME = {"id": "u0000042", "email": "user42@example.com", "name": "User 42", "role": "admin"}
ORIGIN = "https://app.example.com"
SECRET = os.environ.get("BENCH_SECRET", "")
DATABASE = os.environ.get("BENCH_DATABASE", "")
USERS = 1000
BILLION = "1000000000/hour"


def token(claims: dict[str, Any], secret: str) -> str:
    """An HS256 token, for the stacks that read one."""
    now = int(time.time())
    parts = [{"alg": "HS256", "typ": "JWT"}, {"iat": now, "exp": now + 3600, **claims}]
    text = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{text}.{_base64(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
