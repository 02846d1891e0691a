import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

from shop.database import engine

app = FastAPI()


class Question(BaseModel):
    sql: str


@app.post("/report")
def report(question: Question) -> dict:
    return pd.read_sql(question.sql, engine).to_dict()
