import os

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

app = FastAPI()


@app.get("/cmd")
def run(value: str = "127.0.0.1") -> str:
    command = "ping -c 1 " + value
    return os.popen(command).read()
