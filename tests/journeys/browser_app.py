"""A small application with cookie sessions, for the browser: sign in, read, write, sign out."""

from __future__ import annotations

import secrets

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from fastness import CurrentUser, Principal, Settings, public, secure
from fastness.controls.csrf import CsrfToken
from fastness.core.declare import opens_session

sessions: dict[bytes, Principal] = {}
notes: list[str] = []


async def find(value: bytes) -> Principal | None:
    return sessions.get(value)


app = FastAPI()
secured = secure(app, Settings(environment="development"), cookies=find)


@app.get("/")
@public("the page that people start from")
async def home() -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>notes</title>")


@app.post("/login", status_code=204)
@public("this is how people sign in")
@opens_session()
async def login(request: Request) -> Response:
    response, value = Response(status_code=204), secrets.token_urlsafe(32)
    sessions[value.encode()] = Principal("ada", session=secrets.token_hex(8))
    assert secured.cookies is not None
    secured.cookies.set(response, value, to=request)
    return response


@app.get("/token")
async def token(user: CurrentUser, token: CsrfToken) -> str:
    return token


@app.get("/notes")
async def read(user: CurrentUser) -> list[str]:
    return notes


@app.post("/notes", status_code=204)
async def write(user: CurrentUser) -> None:
    notes.append(user.id)


@app.post("/logout", status_code=204)
async def logout(user: CurrentUser, request: Request) -> Response:
    response = Response(status_code=204)
    assert secured.cookies is not None
    value = secured.cookies.read(request.scope["fastness"])
    sessions.pop(value or b"", None)
    secured.cookies.clear(response, to=request)
    return response
