import os

import aiofiles
from fastapi import Depends, FastAPI
from pydantic import BaseModel

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])


class Note(BaseModel):
    title: str
    text: str


@app.post("/notes")
async def write(note: Note) -> None:
    path = os.path.join("notes", note.title + ".md")
    async with aiofiles.open(path, "w") as opened:
        await opened.write(note.text)
