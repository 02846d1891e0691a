import json

import yaml
from fastapi import FastAPI

app = FastAPI()


class Loader(yaml.SafeLoader):
    """With includes."""


@app.get("/parse")
def parse(text: str) -> list:
    return [
        yaml.load(text, Loader=yaml.CSafeLoader),
        yaml.load(text, Loader),
        yaml.safe_load(text),
        yaml.load(text, Loader=yaml.FullLoader),
        json.loads(text),
    ]
