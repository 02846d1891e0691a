import httpx
import requests
from fastapi import FastAPI, HTTPException

from shop.addresses import validate_public_url
from shop.settings import settings

app = FastAPI()
API = "https://api.example.com"


async def call(url: str) -> dict:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).json()


@app.get("/weather")
async def weather(city: str) -> dict:
    return await call(f"{API}/weather/{city}")


@app.get("/search")
def search(q: str) -> dict:
    return requests.get("https://search.example.com/?q=" + q, timeout=3).json()


@app.get("/settings")
def configured(name: str) -> dict:
    url = f"{settings.api_url}/items/{name}"
    return requests.get(url, params={"name": name}, timeout=3).json()


@app.get("/tested")
def tested(url: str) -> dict:
    validate_public_url(url)
    return requests.get(url, timeout=3).json()


@app.get("/listed")
def listed(host: str) -> dict:
    if host not in {"a.example.com", "b.example.com"}:
        raise HTTPException(400)
    return requests.get(f"https://{host}/", timeout=3).json()


@app.get("/base")
async def base(path: str) -> dict:
    client = httpx.AsyncClient(base_url="https://api.example.com")
    return (await client.get(path)).json()
