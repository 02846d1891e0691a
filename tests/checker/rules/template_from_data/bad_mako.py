from fastapi import FastAPI
from mako.template import Template

app = FastAPI()


@app.get("/hello")
def hello(name: str) -> str:
    return Template("hello " + name).render()
