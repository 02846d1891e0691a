from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Event(BaseModel, extra="allow"):
    name: str


@app.post("/events")
def take(given: Event) -> str:
    return given.name
