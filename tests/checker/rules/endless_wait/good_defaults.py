import httpx
import requests
from fastapi import FastAPI

app = FastAPI()
OPTIONS = {"timeout": 3}


@app.get("/rate")
def rate() -> float:
    httpx.get("https://rates.example.com/")
    return requests.get("https://rates.example.com/", **OPTIONS).json()["rate"]
