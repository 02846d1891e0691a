from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

router = APIRouter()
kept: list[dict] = []


class Item(BaseModel):
    name: str

    class Config:
        extra = "allow"


@router.put("/items")
def save(item: Item) -> None:
    kept.append(item.dict())


app = FastAPI()
app.include_router(router)
