from fastapi import Depends, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    docs_user: str
    docs_password: str


settings = Settings()
basic = HTTPBasic()


def reader(credentials: HTTPBasicCredentials = Depends(basic)) -> None:
    if credentials.username != settings.docs_user or credentials.password != settings.docs_password:
        raise HTTPException(401)
