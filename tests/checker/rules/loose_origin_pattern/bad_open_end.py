from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    origins: str = r"https://app\.example\.com.*"


settings = Settings()
app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origin_regex=settings.origins, allow_credentials=True)
