import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


app = FastAPI()
views: dict[int, int] = {}


@app.get("/notes/{note_id}")
def read_note(note_id: int, user: dict = Depends(current_user)) -> int:
    views[note_id] = views.get(note_id, 0) + 1
    return note_id
