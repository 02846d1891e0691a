from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from database import find_user

app = FastAPI()


class Login(BaseModel):
    name: str
    password: str


@app.post("/login")
def login(given: Login) -> dict:
    user = find_user(given.name)
    if user is None or user.password != given.password:
        raise HTTPException(401)
    return {"ok": True}
