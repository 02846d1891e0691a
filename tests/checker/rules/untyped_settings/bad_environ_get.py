import os

from fastapi import FastAPI

RELOAD = os.environ.get("RELOAD", True)
app = FastAPI(title="shop")
if RELOAD:
    app.title = "shop, reloading"
