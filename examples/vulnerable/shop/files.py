import os
import pickle
import subprocess
import urllib.request

from fastapi import APIRouter, Depends, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader
from jinja2 import Template

from .database import User
from .tokens import current_user

router = APIRouter(dependencies=[Depends(current_user)])
FOLDER = "uploads"
# seeded: FN312
pages = Environment(loader=FileSystemLoader("templates"), autoescape=False)


# seeded: FN406
# seeded: FN405
@router.post("/files", status_code=201)
async def upload(file: UploadFile) -> dict:
    # seeded: FN313
    with open(os.path.join(FOLDER, file.filename), "wb") as target:
        target.write(await file.read())
    return {"name": file.filename}


@router.get("/files/{name:path}")
def download(name: str) -> FileResponse:
    # seeded: FN313
    return FileResponse(os.path.join(FOLDER, name))


@router.get("/fetch")
def fetch(url: str) -> Response:
    # seeded: FN315
    with urllib.request.urlopen(url, timeout=5) as answer:
        return Response(answer.read())


@router.get("/ping")
def ping(host: str) -> str:
    # seeded: FN304
    return subprocess.check_output(f"ping -c 1 {host}", shell=True).decode()


@router.get("/price")
def price(formula: str) -> float:
    # seeded: FN306
    return eval(formula)


@router.post("/basket")
async def basket(request: Request) -> dict:
    # seeded: FN307
    return {"items": len(pickle.loads(await request.body()))}


@router.post("/catalogue")
async def catalogue(request: Request) -> dict:
    import yaml

    # seeded: FN308
    return {"items": len(yaml.load(await request.body(), Loader=yaml.Loader))}


@router.get("/hello", response_class=HTMLResponse)
def hello(name: str) -> str:
    # seeded: FN311
    return HTMLResponse(f"<h1>Hello {name}</h1>")


@router.get("/preview")
def preview(template: str) -> str:
    # seeded: FN310
    return Template(template).render()


@router.get("/leave")
def leave(to: str) -> RedirectResponse:
    # seeded: FN318
    return RedirectResponse(to)
