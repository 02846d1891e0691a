import os

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as Sessions

app = FastAPI(middleware=[Middleware(Sessions, secret_key=os.environ["KEY"])])
