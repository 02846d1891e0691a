import os

from fastapi import FastAPI


class Config:
    VERIFY = os.getenv("VERIFY_TOKENS", False)


app = FastAPI()
