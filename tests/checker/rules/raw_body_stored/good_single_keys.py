import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


from fastapi import Request
from pymongo import MongoClient

users = MongoClient()["app"]["users"]
app = FastAPI()


@app.put("/me")
async def change(request: Request, user: dict = Depends(current_user)) -> None:
    data = await request.json()
    users.update_one({"_id": user["sub"]}, {"$set": {"name": data["name"]}})
