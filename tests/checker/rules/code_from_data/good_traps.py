import ast
import importlib

from fastapi import FastAPI

from shop.models import frame, network
from shop.settings import settings

app = FastAPI()
CODE = "answer = 42"


@app.get("/literal")
def literal(value: str) -> list:
    return ast.literal_eval(value)


@app.get("/model")
def model(query: str) -> list:
    network.eval()
    return frame.query("price > 3").eval("total = price * 2").tolist()


@app.get("/constant")
def constant() -> int:
    names: dict = {}
    exec(CODE, names)
    return names["answer"]


@app.get("/plugin")
def plugin() -> str:
    return importlib.import_module(settings.plugin).__name__
