from fastapi import FastAPI, Request

app = FastAPI()


@app.middleware("http")
async def told(request: Request, call_next):
    response = await call_next(request)
    response.headers["X-Powered-By"] = "FastAPI 0.115"
    return response
