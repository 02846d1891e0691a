import os

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()


@app.middleware("http")
async def guard(request: Request, call_next):
    api_key = request.headers.get("X-API-Key")
    if api_key == os.getenv("SERVICE_API_KEY"):
        return await call_next(request)
    return JSONResponse({"detail": "no"}, status_code=401)
