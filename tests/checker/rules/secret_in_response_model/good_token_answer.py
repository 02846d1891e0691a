from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Token(BaseModel):
    access_token: str
    refresh_token: str
    password_changed: bool = False


@app.get("/token", response_model=Token)
def token():
    return Token(access_token="-", refresh_token="-")
