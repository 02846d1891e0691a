import logging

from fastapi import FastAPI, Request

app = FastAPI()
logger = logging.getLogger(__name__)


@app.middleware("http")
async def note(request: Request, call_next):
    logger.debug("headers: %s", dict(request.headers))
    return await call_next(request)
