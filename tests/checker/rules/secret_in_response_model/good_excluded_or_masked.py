from fastapi import FastAPI
from pydantic import BaseModel, Field, SecretStr

app = FastAPI()


class Account(BaseModel):
    email: str
    password_hash: str = Field(exclude=True)
    password: SecretStr


class Plain(BaseModel):
    email: str
    hashed_password: str


@app.get("/account", response_model=Account)
def account():
    return None


@app.get("/plain", response_model=Plain, response_model_exclude={"hashed_password"})
def plain():
    return None
