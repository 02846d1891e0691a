import os

from fastapi import FastAPI

app = FastAPI(debug=os.environ.get("APP_DEBUG", "false").lower() == "true")
