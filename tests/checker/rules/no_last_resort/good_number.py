from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()


@app.exception_handler(500)
async def broken(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "broken"}, status_code=500)
