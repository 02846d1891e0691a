"""Sign-in and forgotten passwords are asked whether they tell strangers who has an account."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.programs import write
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.telling import telling

PROGRAM = """
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from database import DUMMY_HASH, users
from passwords import verify

app = FastAPI()

class Login(BaseModel):
    email: str
    password: str

class Forgotten(BaseModel):
    email: str

{handler}
"""
UNKNOWN_IS_404 = """
@app.post("/login")
def login(given: Login) -> dict:
    user = users.get(given.email)
    if user is None:
        raise HTTPException(404, "Sorry")
    if not verify(given.password, user.password_hash):
        raise HTTPException(401, "Sorry")
    return {"token": "x"}
"""
OTHER_WORDS = """
def authenticate(email: str, password: str) -> object:
    user = users.get(email)
    if not user:
        raise HTTPException(401, "Bad address")
    if not verify(password, user.password_hash):
        raise HTTPException(401, "Bad password")
    return user

@app.post("/login")
def login(given: Login) -> dict:
    return {"token": authenticate(given.email, given.password)}
"""
ONLY_THE_TIME = """
@app.post("/login")
def login(given: Login) -> dict:
    user = users.get(given.email)
    if user is None:
        raise HTTPException(401, "No")
    if not verify(given.password, user.password_hash):
        raise HTTPException(401, "No")
    return {"token": "x"}
"""
FORGOTTEN = """
@app.post("/forgot-password")
def forgot(given: Forgotten) -> None:
    user = users.get(given.email)
    if user is None:
        raise HTTPException(404, "No such user")
"""
ALIKE = """
@app.post("/login")
def login(given: Login) -> dict:
    user = users.get(given.email)
    good = verify(given.password, user.password_hash if user else DUMMY_HASH)
    if user is None or not good:
        raise HTTPException(401, "No")
    return {"token": "x"}

@app.post("/forgot-password")
def forgot(given: Forgotten) -> None:
    user = users.get(given.email)
    if user is not None:
        print("mail")
"""
REGISTRATION = """
@app.post("/register")
def register(given: Login) -> None:
    if users.get(given.email):
        raise HTTPException(409, "This address is taken")
"""


@pytest.mark.parametrize(
    ("handler", "how"),
    [(UNKNOWN_IS_404, ["status"]), (OTHER_WORDS, ["text"]), (ONLY_THE_TIME, ["time"]), (FORGOTTEN, ["status"])],
)
def test_another_answer_for_unknown_names_is_told(handler: str, how: list[str], tmp_path: Path) -> None:
    write(tmp_path, PROGRAM.replace("{handler}", handler))

    assert [told.how for app in Project(tmp_path).applications for told in telling(app)] == how


@pytest.mark.parametrize("handler", [ALIKE, REGISTRATION])
def test_answers_alike_and_taken_addresses_are_left_alone(handler: str, tmp_path: Path) -> None:
    write(tmp_path, PROGRAM.replace("{handler}", handler))

    assert [told.how for app in Project(tmp_path).applications for told in telling(app)] == []
