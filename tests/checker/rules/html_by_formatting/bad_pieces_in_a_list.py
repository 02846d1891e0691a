import os

from fastapi import FastAPI, Response

app = FastAPI()


def row(name: str) -> str:
    return f"<li><a href='/files/{name}'>{name}</a></li>"


@app.get("/files")
def files() -> Response:
    rows = []
    for name in os.listdir("uploads"):
        rows.append(row(name))
    return Response("<ul>" + "".join(rows) + "</ul>", media_type="text/html")
