from fastapi import FastAPI, HTTPException, Request

app = FastAPI()


@app.middleware("http")
async def guard(request: Request, call_next):
    if request.query_params.get("access_token") is None:
        raise HTTPException(401)
    return await call_next(request)
