import yaml
from fastapi import FastAPI

app = FastAPI()


@app.get("/parse")
def parse(text: str) -> dict:
    return next(yaml.unsafe_load_all(text))
