import os

from fastapi import FastAPI


class TrustedHostMiddleware:
    def __init__(self, app) -> None:
        self.app, self.hosts = app, os.environ["HOSTS"].split(",")

    async def __call__(self, scope, receive, send) -> None:
        if dict(scope["headers"]).get(b"host", b"").decode() in self.hosts:
            await self.app(scope, receive, send)


app = FastAPI()
app.add_middleware(TrustedHostMiddleware)
