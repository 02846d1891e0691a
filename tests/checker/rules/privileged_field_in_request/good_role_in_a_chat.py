from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
messages: list[dict] = []


class Message(BaseModel):
    role: str
    content: str


@app.post("/messages")
def say(given: Message) -> None:
    messages.append(given.model_dump())
