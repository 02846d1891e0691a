from fastapi import FastAPI, Request
from motor.motor_asyncio import AsyncIOMotorClient

app = FastAPI()
database = AsyncIOMotorClient()["shop"]


@app.get("/search")
async def search(request: Request) -> list:
    body = await request.json()
    return await database.items.find({"name": body["name"]}).to_list(10)
