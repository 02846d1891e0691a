from hashlib import md5

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Login(BaseModel):
    name: str
    password: str


@app.post("/login")
def login(given: Login) -> dict:
    digest = md5(given.password.encode())
    return {"name": given.name, "digest": digest.hexdigest()}
