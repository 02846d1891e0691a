from fastapi import FastAPI
from pydantic import BaseModel


class Remark(BaseModel):
    text: str


app = FastAPI()
remarks: dict[int, Remark] = {}


@app.post("/remarks")
def say(given: Remark) -> None:
    remarks[len(remarks)] = given


@app.get("/remarks")
def everything() -> list[Remark]:
    return list(remarks.values())
