from fastapi import APIRouter, FastAPI
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    name: str = "shop"
    secret_key: str


settings = Settings()
router = APIRouter()


@router.get("/info")
def info():
    return {"settings": settings.model_dump()}


app = FastAPI()
app.include_router(router)
