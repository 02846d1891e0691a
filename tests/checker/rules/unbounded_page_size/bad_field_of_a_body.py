from fastapi import FastAPI
from pydantic import BaseModel

from shop.vectors import store

app = FastAPI()


class Question(BaseModel):
    text: str
    k: int = 4


@app.post("/search")
def search(question: Question) -> list[str]:
    return store.similarity_search(question.text, k=question.k)
