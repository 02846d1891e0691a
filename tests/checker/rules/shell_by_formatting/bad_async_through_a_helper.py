import asyncio

from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel

from shop.accounts import current_user

router = APIRouter(dependencies=[Depends(current_user)])


class Conversion(BaseModel):
    source: str


async def convert(source: str) -> None:
    process = await asyncio.create_subprocess_shell("convert {} out.png".format(source))
    await process.wait()


@router.post("/convert")
async def start(given: Conversion) -> None:
    await convert(given.source)


app = FastAPI()
app.include_router(router)
