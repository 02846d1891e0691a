from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()
INSIDE = {"10.0.0.1"}


@app.middleware("http")
async def inside_only(request: Request, call_next):
    address = request.headers["X-Real-IP"]
    if address not in INSIDE:
        return JSONResponse({"detail": "no"}, status_code=403)
    return await call_next(request)
