import json

from fastapi import FastAPI, Request
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from shop.settings import settings

app = FastAPI()
templates = Jinja2Templates(directory="templates")
prompts = Environment(loader=FileSystemLoader("prompts"))
ICON = Markup("<svg></svg>")


@app.get("/page")
def page(request: Request, name: str):
    values = {"banner": settings.banner_html, "name": name, "data": json.dumps({"a": 1}), "icon": ICON}
    return templates.TemplateResponse(request, "page.html", {"values": values, "banner": settings.banner_html})


@app.get("/prompt")
def prompt(name: str) -> str:
    return prompts.get_template("prompt.txt").render(name=name)


@app.get("/escaped")
def escaped(name: str) -> str:
    return Markup("<b>%s</b>") % name + Markup(f"<b>{escape(name)}</b>")
# file: templates/page.html
{{ banner | safe }}
<p>{{ name }}</p>
<script>const data = {{ values | tojson | safe }}</script>
{{ text | sanitize | safe }}
# file: prompts/prompt.txt
Say hello to {{ name }}.
