from fastapi import FastAPI
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    name: str = "shop"
    secret_key: str


settings = Settings()
app = FastAPI()


@app.get("/info")
def info():
    return {"name": settings.name, "more": settings.model_dump(include={"name"})}
