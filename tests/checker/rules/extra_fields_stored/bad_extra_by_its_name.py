from fastapi import FastAPI
from pydantic import BaseModel, Extra

app = FastAPI()


class Loose(BaseModel, extra=Extra.allow):
    name: str


class Record:
    pass


@app.post("/records")
def save(given: Loose) -> None:
    record = Record()
    for key, value in given.dict().items():
        if value:
            setattr(record, key, value)
