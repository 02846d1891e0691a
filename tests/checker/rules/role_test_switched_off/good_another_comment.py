import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


app = FastAPI()


@app.get("/statistics")
def statistics(user: dict = Depends(current_user)) -> int:
    # Depends(database) is not needed here: the numbers are kept in memory.
    return 1
