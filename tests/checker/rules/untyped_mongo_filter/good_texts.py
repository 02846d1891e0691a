from fastapi import FastAPI, Request
from pydantic import BaseModel

from shop.database import items

app = FastAPI()


class Search(BaseModel):
    name: str


@app.get("/query")
async def query(name: str, page: int = 0) -> dict:
    return await items.find_one({"name": name, "page": page})


@app.get("/text")
async def text(request: Request) -> dict:
    body = await request.json()
    return await items.find_one({"name": str(body["name"]), "year": int(body["year"])})


@app.get("/header")
async def header(request: Request) -> dict:
    return await items.find_one({"name": request.headers["x-name"]})
