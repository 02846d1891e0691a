from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_limiter import FastAPILimiter
from redis.asyncio import Redis


@asynccontextmanager
async def lifespan(app: FastAPI):
    await FastAPILimiter.init(Redis())
    yield


app = FastAPI(lifespan=lifespan)
