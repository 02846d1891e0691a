from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str


config = Settings()
app = FastAPI()


@app.get("/status/details")
def details():
    return JSONResponse(content={"store": config.database_url})
