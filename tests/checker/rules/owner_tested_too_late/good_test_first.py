import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


notes: dict[int, dict] = {}
app = FastAPI()


@app.patch("/notes/{note_id}")
def change(note_id: int, given: str, user: dict = Depends(current_user)) -> None:
    note = notes[note_id]
    data = dict(note)
    data.pop("text")
    if note["owner"] != user["sub"]:
        raise HTTPException(403)
    notes[note_id] = {**data, "text": given}
