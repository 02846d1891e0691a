from fastapi import FastAPI
from pydantic_settings import BaseSettings
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware


class Settings(BaseSettings):
    cors_origins: list[str] = ["*"]


settings = Settings()
app = FastAPI(
    middleware=[Middleware(CORSMiddleware, allow_origins=settings.cors_origins, allow_credentials=True)]
)
