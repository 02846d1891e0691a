import os

from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware

app = FastAPI()
app.add_middleware(
    SessionMiddleware, secret_key=os.environ["KEY"], https_only=os.environ["ENVIRONMENT"] == "production", max_age=600
)
