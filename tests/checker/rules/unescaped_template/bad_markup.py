from fastapi import FastAPI, Request
from fastapi.templating import Jinja2Templates
from markupsafe import Markup

app = FastAPI()
templates = Jinja2Templates(directory="templates")


@app.get("/hello")
def hello(request: Request, name: str):
    return templates.TemplateResponse(request, "hello.html", {"greeting": Markup(f"<b>{name}</b>")})
