import os

from fastapi import FastAPI

ENVIRONMENT = os.environ["ENVIRONMENT"]
app = FastAPI(debug=ENVIRONMENT == "development")
