from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware as Proxied

app = FastAPI()
served = Proxied(app, trusted_hosts="*")
