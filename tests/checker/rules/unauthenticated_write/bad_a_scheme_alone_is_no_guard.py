import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.security import HTTPBearer, OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")
notes: list[str] = []


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


app = FastAPI()


def optional_user(request: Request) -> str | None:
    token = request.headers.get("Authorization")
    if not token:
        return None
    return str(jwt.decode(token, os.environ["KEY"], algorithms=["HS256"])["sub"])


@app.post("/notes")
def write(text: str, user: str | None = Depends(optional_user)) -> None:
    notes.append(text)
