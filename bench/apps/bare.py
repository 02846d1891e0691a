"""FastAPI with nothing around it.

`response_model=None` in all these applications is what an endpoint without a return annotation gets.
"""

from __future__ import annotations

from bench.apps.common import ME
from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/me", response_model=None)
async def me() -> dict[str, str]:
    return ME
