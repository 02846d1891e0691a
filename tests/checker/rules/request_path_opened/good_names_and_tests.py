import os
import uuid
from enum import Enum
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, UploadFile
from fastapi.responses import FileResponse
from werkzeug.utils import secure_filename

from shop.accounts import current_user
from shop.settings import settings

app = FastAPI(dependencies=[Depends(current_user)])
BASE = os.path.realpath("files")
KNOWN = {"terms": "terms.pdf", "price": "price.pdf"}


class Kind(str, Enum):
    TERMS = "terms"


@app.post("/random")
async def random_name(file: UploadFile) -> None:
    suffix = Path(file.filename or "").suffix
    with open(f"uploads/{uuid.uuid4()}{suffix}", "wb") as target:
        target.write(await file.read(1000))


@app.post("/base")
async def base_name(file: UploadFile) -> None:
    name = os.path.basename(file.filename or "")
    (Path(settings.folder) / name).write_bytes(await file.read(1000))
    (Path(settings.folder) / secure_filename(file.filename)).write_bytes(b"")


@app.get("/prefix")
def prefix(name: str) -> FileResponse:
    path = os.path.realpath(os.path.join(BASE, name))
    if os.path.commonpath([path, BASE]) != BASE:
        raise HTTPException(404)
    return FileResponse(path)


@app.get("/listed")
def listed(name: str) -> FileResponse:
    if name not in KNOWN:
        raise HTTPException(404)
    return FileResponse(f"files/{name}")


@app.get("/table")
def table(name: str, kind: Kind, number: int) -> FileResponse:
    open(f"logs/{number}-{kind.value}").close()
    return FileResponse("files/" + KNOWN.get(name, "terms.pdf"))


@app.get("/pattern")
def pattern(name: Annotated[str, Query(pattern=r"^[a-z]+$")]) -> FileResponse:
    return FileResponse(f"files/{name}.pdf")


@app.get("/segment/{name}")
def segment(name: str) -> FileResponse:
    """A segment of the path cannot hold a slash."""
    return FileResponse(f"files/{name}.pdf")
