from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.get("/prefix")
def prefix(url: str) -> str:
    if not url.startswith("https://api.example.com/"):
        raise HTTPException(400)
    return httpx.get(url).text


@app.get("/name")
def name(word: str) -> str:
    if word.startswith("https"):
        return "an address"
    return httpx.get("https://api.example.com/" + word).text
