import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


from pymongo import MongoClient

notes = MongoClient()["app"]["notes"]
app = FastAPI()


@app.delete("/notes/{note_id}")
def remove(note_id: str, user: dict = Depends(current_user)) -> None:
    note = notes.find_one_and_delete({"_id": note_id})
    if note["owner_id"] != user["sub"]:
        raise HTTPException(403)
