import tempfile
from pathlib import Path

from fastapi import FastAPI, UploadFile

from shop.imports import count

app = FastAPI()


@app.post("/imports")
def read(archive: UploadFile) -> int:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "archive"
        target.write_bytes(archive.file.read())
        return count(target)
