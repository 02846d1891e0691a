import shlex
import subprocess
from enum import Enum

from fastapi import FastAPI

from shop.settings import settings

app = FastAPI()
FOLDER = "/srv/data"


class Format(str, Enum):
    PNG = "png"


@app.get("/constant")
def constant() -> bytes:
    return subprocess.check_output(f"du -s {FOLDER} | cut -f1", shell=True)


@app.get("/list")
def listed(host: str) -> bytes:
    return subprocess.run(["ping", "-c", "1", host], capture_output=True).stdout


@app.get("/quoted")
def quoted(name: str) -> bytes:
    return subprocess.check_output(f"ls {shlex.quote(name)}", shell=True)


@app.get("/typed")
def typed(number: int, kind: Format) -> bytes:
    return subprocess.check_output(f"head -n {number} log.{kind.value} {settings.log_options}", shell=True)
