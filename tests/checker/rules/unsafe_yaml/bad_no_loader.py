from fastapi import FastAPI
from yaml import load

app = FastAPI()


@app.get("/parse")
def parse(text: str) -> dict:
    return load(text)
