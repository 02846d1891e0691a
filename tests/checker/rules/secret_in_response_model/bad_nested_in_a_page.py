from typing import Generic, TypeVar

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]


class Account(BaseModel):
    email: str
    password_hash: str


class Team(BaseModel):
    members: list[Account]


router = APIRouter()


@router.get("/teams", response_model=Page[Team])
def teams():
    return Page(items=[])


app = FastAPI()
app.include_router(router)
