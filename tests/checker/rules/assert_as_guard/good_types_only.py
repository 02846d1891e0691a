import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


app = FastAPI()


@app.get("/me")
def me(user: dict = Depends(current_user)) -> str:
    assert user is not None
    assert isinstance(user, dict)
    return "me"
