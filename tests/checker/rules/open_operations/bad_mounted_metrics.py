import prometheus_client
from starlette.routing import Mount
from fastapi import FastAPI

app = FastAPI()
metrics = prometheus_client.make_asgi_app()
app.mount("/internal/metrics", metrics)
