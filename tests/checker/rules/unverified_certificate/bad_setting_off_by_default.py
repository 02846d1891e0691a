import requests
from fastapi import FastAPI
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    tls_verify: bool = False


settings = Settings()
app = FastAPI()


@app.get("/rate")
def rate() -> dict:
    return requests.get("https://rates.example.com", verify=settings.tls_verify, timeout=3).json()
