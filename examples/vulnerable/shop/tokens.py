import base64
import hashlib
import json
import os
import random

from fastapi import Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy.orm import Session

from .database import User, get_db

# seeded: FN124
SECRET_KEY = os.getenv("SHOP_SECRET_KEY", "shop-secret-key")
oauth2 = OAuth2PasswordBearer(tokenUrl="/login")


def sign(text: str) -> str:
    # seeded: FN121
    return hashlib.sha256((SECRET_KEY + text).encode()).hexdigest()


def issue(user: User) -> str:
    text = base64.urlsafe_b64encode(json.dumps({"sub": user.id}).encode()).decode()
    return f"{text}.{sign(text)}"


def current_user(token: str = Depends(oauth2), db: Session = Depends(get_db)) -> User:
    text, _, signature = token.partition(".")
    # seeded: FN120
    if signature == sign(text):
        user = db.get(User, json.loads(base64.urlsafe_b64decode(text))["sub"])
        if user is not None:
            return user
    raise HTTPException(401, "Not signed in", headers={"WWW-Authenticate": "Bearer"})


def partner(token: str) -> dict:
    import jwt

    # seeded: FN107
    return jwt.decode(token, options={"verify_signature": False})


def partner_token(name: str) -> str:
    import jwt

    # seeded: FN114
    return jwt.encode({"sub": name, "aud": "partners"}, SECRET_KEY, algorithm="HS256")


def reset_code() -> str:
    # seeded: FN125
    return "".join(random.choice("0123456789") for _ in range(6))
