import html
from datetime import datetime
from enum import Enum
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse
from markupsafe import escape

from shop.settings import settings

app = FastAPI(title="Shop")
STYLE = "body { margin: 0 }"


class Colour(str, Enum):
    RED = "red"


@app.get("/constant", response_class=HTMLResponse)
def constant() -> str:
    return f"<html><style>{STYLE}</style><h1>{app.title}</h1>{datetime.now():%Y}</html>"


@app.get("/typed/{number}", response_class=HTMLResponse)
def typed(number: int, colour: Colour) -> str:
    return f"<p>{number} {colour.value} {settings.name}</p>"


@app.get("/escaped")
def escaped(name: str, other: str) -> HTMLResponse:
    safe = html.escape(name)
    return HTMLResponse(f"<p>{safe} {escape(other)}</p>")


@app.get("/file")
def file() -> HTMLResponse:
    return HTMLResponse(Path("static/index.html").read_text())


@app.get("/plain", response_class=PlainTextResponse)
def plain(name: str) -> str:
    return f"<{name}>"


@app.get("/json")
def answered(name: str) -> dict[str, str]:
    return {"html": f"<b>{name}</b>"}
