from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

HOSTS = ["*"]
app = FastAPI(middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)])
