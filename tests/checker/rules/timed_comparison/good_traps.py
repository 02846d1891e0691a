import hashlib
import hmac
import os

from fastapi import Depends, FastAPI, Form, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import Column, String, select
from sqlalchemy.orm import Session, declarative_base

app = FastAPI()
Base = declarative_base()
SECRET_KEY = os.environ["SECRET_KEY"]
TOKEN_TYPE = "access"


class Key(Base):
    __tablename__ = "keys"
    api_key = Column(String, primary_key=True)
    owner_id = Column(String)


class Registration(BaseModel):
    password: str
    repeat_password: str


def get_db() -> Session: ...


@app.post("/register")
def register(given: Registration) -> None:
    if given.password != given.repeat_password:
        raise HTTPException(400)


@app.get("/keys")
def keys(x_api_key: str = Header(), db: Session = Depends(get_db)) -> dict:
    row = db.scalar(select(Key).where(Key.api_key == x_api_key))
    return {"owner": row.owner_id}


def kind(claims: dict, token_type: str) -> bool:
    return claims["type"] == token_type and token_type == TOKEN_TYPE


def constant_time(x_api_key: str = Header()) -> None:
    if not hmac.compare_digest(x_api_key, SECRET_KEY):
        raise HTTPException(401)


def hashed(x_api_key: str = Header()) -> bool:
    return hashlib.sha256(x_api_key.encode()).hexdigest() == os.environ["API_KEY_HASH"]


if SECRET_KEY == "changethis":
    raise SystemExit("set a key")


@app.post("/etag")
def same(etag: str = Form(), body: str = Form()) -> bool:
    return etag == hashlib.md5(body.encode()).hexdigest()
