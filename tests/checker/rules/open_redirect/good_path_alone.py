from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

app = FastAPI()


def next_page(given: str) -> str:
    return "/" + urlsplit(given).path.lstrip("/")


@app.get("/back")
def back(next: str) -> RedirectResponse:
    where = next_page(next)
    return RedirectResponse(where)
