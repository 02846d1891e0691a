from fastapi import FastAPI
from loguru import logger
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    secret_key: str


settings = Settings()
logger.info(f"starting with {settings}")
app = FastAPI()
