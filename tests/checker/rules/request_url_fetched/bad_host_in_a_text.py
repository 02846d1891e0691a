import requests
from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/status")
def status(request: Request) -> int:
    host = request.query_params["host"]
    return requests.get(f"https://{host}/health", timeout=3).status_code
