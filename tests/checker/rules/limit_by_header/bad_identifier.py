from fastapi import FastAPI, Request
from fastapi_limiter import FastAPILimiter


async def who(request: Request) -> str:
    forwarded = request.headers.get("X-Forwarded-For")
    return forwarded.split(",")[0] if forwarded else request.client.host


async def start(app: FastAPI) -> None:
    await FastAPILimiter.init(None, identifier=who)


app = FastAPI()
