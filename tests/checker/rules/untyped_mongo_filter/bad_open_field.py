from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pymongo import MongoClient

app = FastAPI()
items = MongoClient().shop.items


class Search(BaseModel):
    where: dict[str, Any]


def found(where: dict) -> list:
    return list(items.find(where).limit(10))


@app.post("/search")
def search(given: Search) -> list:
    return found(given.where)
