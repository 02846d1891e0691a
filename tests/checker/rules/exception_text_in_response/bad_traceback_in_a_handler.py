import traceback

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

app = FastAPI()


async def broken(request: Request, exc: Exception) -> PlainTextResponse:
    return PlainTextResponse(traceback.format_exc(), status_code=500)


app.add_exception_handler(Exception, broken)
