import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


old, new = APIRouter(prefix="/v1"), APIRouter(prefix="/v2", dependencies=[Depends(current_user)])


@old.get("/people/{id}")
def person_1(id: int) -> int:
    return id


@new.get("/people/{person_id}")
def person_2(person_id: int) -> int:
    return person_id


app = FastAPI()
app.include_router(old, prefix="/api")
app.include_router(new, prefix="/api")
