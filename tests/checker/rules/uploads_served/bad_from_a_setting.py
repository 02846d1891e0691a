from pathlib import Path

from fastapi import FastAPI, UploadFile
from fastapi.staticfiles import StaticFiles

UPLOAD_DIR = Path("data") / "files"
app = FastAPI()
app.mount("/files", StaticFiles(directory=UPLOAD_DIR), name="files")


@app.post("/files")
def take(file: UploadFile) -> str:
    return "kept"
