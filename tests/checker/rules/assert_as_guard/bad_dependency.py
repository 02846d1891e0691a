import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


app = FastAPI()


def administrator(user: dict = Depends(current_user)) -> dict:
    assert user["role"] == "admin"
    return user


@app.get("/report")
def report(user: dict = Depends(administrator)) -> str:
    return "the report"
