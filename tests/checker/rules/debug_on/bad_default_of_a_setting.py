from fastapi import FastAPI
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    debug: bool = True


settings = Settings()
app = FastAPI(debug=settings.debug)
