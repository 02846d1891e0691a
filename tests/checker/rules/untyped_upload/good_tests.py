from pathlib import Path
from uuid import uuid4

import pandas
from fastapi import Depends, FastAPI, HTTPException, UploadFile
from PIL import Image

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])
ALLOWED = {".pdf", ".png"}


@app.post("/suffix")
async def suffix(file: UploadFile) -> None:
    extension = Path(file.filename or "").suffix
    if extension not in ALLOWED:
        raise HTTPException(415)
    Path(f"files/{uuid4()}{extension}").write_bytes(await file.read(100_000))


@app.post("/picture")
def picture(file: UploadFile) -> None:
    Image.open(file.file).convert("RGB").save(f"files/{uuid4()}.png")


@app.post("/table")
def table(file: UploadFile) -> int:
    return len(pandas.read_csv(file.file))
