import shutil
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, UploadFile

from shop.accounts import current_user

router = APIRouter(dependencies=[Depends(current_user)])
UPLOADS = Path("uploads")


@router.post("/avatar")
async def avatar(file: UploadFile) -> dict[str, str]:
    target = UPLOADS / file.filename
    with target.open("wb") as opened:
        shutil.copyfileobj(file.file, opened)
    return {"path": str(target)}


app = FastAPI()
app.include_router(router)
