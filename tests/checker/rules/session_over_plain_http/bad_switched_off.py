import os

from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware

OVER_HTTPS = False
app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=os.environ["KEY"], https_only=OVER_HTTPS, max_age=600)
