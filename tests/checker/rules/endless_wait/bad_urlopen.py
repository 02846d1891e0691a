from urllib.request import urlopen

import httpx
from fastapi import FastAPI

app = FastAPI()


@app.get("/rate")
def rate() -> bytes:
    return urlopen("https://rates.example.com/").read()
