from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Loose(BaseModel, extra="allow"):
    name: str


class Record:
    pass


@app.post("/records")
def save(given: Loose) -> None:
    record = Record()
    for key, value in given.model_dump().items():
        setattr(record, key, value)
