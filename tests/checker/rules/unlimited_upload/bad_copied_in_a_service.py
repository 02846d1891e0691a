import shutil
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, FastAPI, File, UploadFile

from shop.accounts import current_user

router = APIRouter(dependencies=[Depends(current_user)])


class Pictures:
    def keep(self, file: UploadFile) -> str:
        name = f"pictures/{uuid4()}.bin"
        with open(name, "wb") as target:
            shutil.copyfileobj(file.file, target)
        return name


@router.post("/pictures")
def picture(upload: Annotated[UploadFile, File()]) -> str:
    return Pictures().keep(upload)


app = FastAPI()
app.include_router(router)
