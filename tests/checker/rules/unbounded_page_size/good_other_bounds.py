from enum import IntEnum
from typing import Annotated, Literal

from annotated_types import Le
from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, Field, conint

from shop.rows import ROWS

app = FastAPI()
MOST = 100
Limit = Annotated[int, Query(ge=1, le=MOST)]


class Size(IntEnum):
    SMALL = 10
    LARGE = 50


class Window(BaseModel):
    limit: int = Field(20, gt=0, lt=101)


@app.get("/alias")
def alias(limit: Limit = 10) -> list[int]:
    return ROWS[:limit]


@app.get("/enum")
def sized(limit: Size = Size.SMALL, per_page: Literal[10, 20] = 10) -> list[int]:
    return ROWS[: min(limit, per_page)]


@app.get("/model")
def model(window: Annotated[Window, Query()]) -> list[int]:
    return ROWS[: window.limit]


@app.get("/depends")
def depended(window: Annotated[Window, Depends()]) -> list[int]:
    return ROWS[: window.limit]


@app.get("/constrained")
def constrained(limit: conint(ge=1, le=50) = 10, size: Annotated[int, Le(50)] = 10) -> list[int]:
    return ROWS[: limit + size]
