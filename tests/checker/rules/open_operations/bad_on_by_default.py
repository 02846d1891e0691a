from fastapi import FastAPI, HTTPException
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    allow_debug: bool = True


settings = Settings()
app = FastAPI()


@app.get("/debug/threads")
def threads() -> list[str]:
    if not settings.allow_debug:
        raise HTTPException(403)
    return []
