import tarfile
import zipfile
from pathlib import Path

from fastapi import Depends, FastAPI, Request, UploadFile

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])
FOLDER = Path("site").resolve()


@app.post("/tar")
def tar(file: UploadFile) -> None:
    with tarfile.open(fileobj=file.file) as archive:
        archive.extractall("site", filter="tar")


@app.post("/zip")
def zipped(file: UploadFile) -> None:
    with zipfile.ZipFile(file.file) as archive:
        archive.extractall("site")


@app.post("/tested")
def tested(file: UploadFile) -> None:
    with tarfile.open(fileobj=file.file) as archive:
        for member in archive.getmembers():
            if (FOLDER / member.name).resolve().is_relative_to(FOLDER):
                archive.extract(member, FOLDER)
