import re

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Given(BaseModel):
    email: str


@app.post("/check")
def check(given: Given) -> bool:
    return re.match(r"^([a-zA-Z0-9]+)*@example\.com$", given.email) is not None
