from fastapi import FastAPI
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel

db = AsyncIOMotorClient().shop
app = FastAPI()


class Member(BaseModel):
    email: str
    password_hash: str


@app.post("/members")
async def add(member: Member) -> None:
    await db.members.insert_one(member.model_dump())


@app.get("/members")
async def members():
    return [one async for one in db.members.find({}, {"email": 1, "_id": 0})]
