import aiohttp
import requests
from fastapi import FastAPI

from shop.signatures import token

app = FastAPI()


@app.get("/rate")
async def rate() -> dict:
    requests.get("https://rates.example.com", verify="/etc/ssl/ca.pem", timeout=3)
    async with aiohttp.ClientSession() as session, session.get("https://rates.example.com", ssl=True) as answer:
        return await answer.json()
