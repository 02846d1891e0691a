import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


app = FastAPI()
kept: dict[str, str] = {}


@app.get("/internal/kept", include_in_schema=False)
def show(user: dict = Depends(current_user)) -> dict[str, str]:
    return dict(kept)
