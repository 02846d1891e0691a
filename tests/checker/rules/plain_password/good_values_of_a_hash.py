from fastapi import FastAPI
from pwdlib import PasswordHash
from pydantic import BaseModel
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.db import engine
from app.models import Account

app = FastAPI()
hasher = PasswordHash.recommended()


class Given(BaseModel):
    email: str
    password: str


@app.post("/accounts")
def create(given: Given) -> None:
    with Session(engine) as session:
        session.execute(insert(Account).values(email=given.email, password=hasher.hash(given.password)))
