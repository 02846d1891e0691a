import re
from typing import Annotated

from fastapi import FastAPI, Query

app = FastAPI()
WORDS = re.compile(r"^(\w+\.)*\w+$")


@app.get("/check")
def check(name: str, short: Annotated[str, Query(max_length=20)]) -> bool:
    return bool(WORDS.match(name)) and bool(re.match(r"^(a+)+$", short)) and bool(re.match(r"^(a+)+$", "aaa"))
