from fastapi import FastAPI, Response
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    cookie_secure: bool = False


settings = Settings()
app = FastAPI()


@app.get("/enter")
def enter(response: Response) -> None:
    response.set_cookie("session", "made elsewhere", httponly=True, secure=settings.cookie_secure, samesite="lax")
