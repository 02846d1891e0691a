from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI, UploadFile
from fastapi.staticfiles import StaticFiles

STATIC = Path("static")
INBOX = Path("/srv/inbox")
app = FastAPI()
app.mount("/static", StaticFiles(directory=STATIC))


@app.post("/photos")
async def photo(photo: UploadFile) -> str:
    name = uuid4().hex
    (INBOX / name).write_bytes(await photo.read(1_000_000))
    return name
