from fastapi import FastAPI
from jinja2 import Environment, Template
from jinja2.sandbox import SandboxedEnvironment

app = FastAPI()
PAGE = Template("<p>{{ name }}</p>", autoescape=True)
environment = Environment(autoescape=True)


@app.get("/hello")
def hello(name: str) -> str:
    return PAGE.render(name=name) + environment.from_string("{{ name }}").render(name=name)


@app.get("/sandbox")
def sandbox(text: str) -> str:
    return SandboxedEnvironment().from_string(text).render()
