from fastapi import FastAPI, Request
from slowapi import Limiter

from shop.settings import settings

app = FastAPI()


def caller(request: Request) -> str:
    if request.client.host in settings.trusted_proxies:
        return request.headers["x-forwarded-for"].split(",")[-1]
    return request.client.host


limiter = Limiter(key_func=caller, default_limits=["60/minute"])
