import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


app = FastAPI(dependencies=[Depends(current_user)])


@app.get("/v1/reports")
def reports_1() -> list[int]:
    return []


@app.get("/v2/reports")
def reports_2() -> list[int]:
    return []
