from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

app = FastAPI()
templates = Jinja2Templates(directory="templates")


@app.get("/page", response_class=HTMLResponse)
def page(request: Request, name: str) -> HTMLResponse:
    return templates.TemplateResponse(request, "page.html", {"name": name})


@app.get("/string", response_class=HTMLResponse)
def string(request: Request, name: str) -> str:
    nonce = request.state.nonce
    body = templates.get_template("page.html").render(name=name)
    return f"<script nonce='{nonce}'></script>{body}"
