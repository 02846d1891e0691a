from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    cors: str = "https://a.example.com, https://b.example.com"

    @property
    def origins(self) -> list[str]:
        return [one.strip() for one in self.cors.split(",")]


app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=Settings().origins, allow_credentials=True)
