from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

PATTERN = "https://www.example.com"
app = FastAPI(middleware=[Middleware(CORSMiddleware, allow_origin_regex=PATTERN, allow_credentials=True)])
