import sqlite3

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

router = APIRouter()


@router.get("/people/{number}", response_class=HTMLResponse)
def person(number: int) -> str:
    found = sqlite3.connect("app.db").execute("SELECT name FROM people WHERE id = ?", (number,)).fetchone()
    return "<h1>" + found[0] + "</h1>"


app = FastAPI()
app.include_router(router)
