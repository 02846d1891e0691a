from pathlib import Path

from fastapi import FastAPI

app = FastAPI()
LIBRARY = Path("/srv/library")


@app.get("/books/{name:path}")
def book(name: str) -> str:
    wanted = LIBRARY.joinpath(name)
    with wanted.open() as pages:
        return pages.read()
