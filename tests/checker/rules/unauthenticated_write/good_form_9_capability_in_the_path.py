import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.security import HTTPBearer, OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")
notes: list[str] = []


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


app = FastAPI()
invitations: dict[str, str] = {}


@app.post("/invitations/{token}/accept")
def accept(token: str) -> None:
    if token not in invitations:
        raise HTTPException(status_code=404)
    notes.append(invitations.pop(token))
