import hmac
import os
import smtplib

from fastapi import Depends, FastAPI, HTTPException
from passlib.context import CryptContext
from pydantic import BaseModel, model_validator
from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import Session, declarative_base, validates

app = FastAPI()
Base = declarative_base()
context = CryptContext(["argon2"])


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    password = Column(String)


class Member(Base):
    __tablename__ = "members"
    id = Column(Integer, primary_key=True)
    password = Column(String)

    @validates("password")
    def _hash(self, key: str, value: str) -> str:
        return context.hash(value)


class NewUser(BaseModel):
    name: str
    password: str
    repeat_password: str

    @model_validator(mode="after")
    def same(self) -> "NewUser":
        if self.password != self.repeat_password:
            raise ValueError
        return self


def get_db() -> Session: ...


def get_password_hash(password: str) -> str:
    return context.hash(password)


@app.post("/users")
def create(given: NewUser, db: Session = Depends(get_db)) -> None:
    given.password = get_password_hash(given.password)
    db.add(User(name=given.name, password=given.password))
    db.execute("INSERT INTO users (name, password) VALUES (?, ?)", (given.name, get_password_hash(given.password)))


@app.post("/members")
def join(given: NewUser, db: Session = Depends(get_db)) -> None:
    db.add(Member(password=given.password))


@app.post("/other")
def other(given: NewUser, db: Session = Depends(get_db)) -> None:
    fields = given.model_dump(exclude={"password"})
    db.add(User(**fields, password=context.hash(given.password)))


@app.post("/login")
def login(given: NewUser, db: Session = Depends(get_db)) -> None:
    user = db.query(User).filter(User.name == given.name).first()
    if user is None or not context.verify(given.password, user.password):
        raise HTTPException(401)


def send(password: str) -> None:
    with smtplib.SMTP("mail.example.com") as server:
        server.login("shop", password)


class Client:
    def __init__(self, password: str) -> None:
        self.password = password


def admin(password: str) -> bool:
    return hmac.compare_digest(password.encode(), os.environ["ADMIN_PASSWORD"].encode())
