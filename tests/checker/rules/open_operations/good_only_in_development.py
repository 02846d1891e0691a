import os

from fastapi import FastAPI

app = FastAPI()
if os.environ["ENVIRONMENT"] == "development":

    @app.get("/debug/heap")
    def heap() -> list[str]:
        return []
