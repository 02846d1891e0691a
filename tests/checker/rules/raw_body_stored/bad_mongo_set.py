import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


from pymongo import MongoClient

users = MongoClient()["app"]["users"]
app = FastAPI()


@app.put("/me")
def change(data: dict, user: dict = Depends(current_user)) -> None:
    users.update_one({"_id": user["sub"]}, {"$set": data})
