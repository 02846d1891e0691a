"""No application of a test is kept for the rest of the run."""

from __future__ import annotations

import gc
import weakref

from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

from letting_go import let_go


def served() -> weakref.ref[FastAPI]:
    app = FastAPI()

    async def title() -> str:
        return app.title

    @app.get("/", dependencies=[Depends(title)])
    async def page() -> str:
        return app.title

    with TestClient(app) as client:
        assert client.get("/").status_code == 200
    return weakref.ref(app)


def test_an_application_is_free_once_fastapi_has_forgotten_its_endpoints() -> None:
    app = served()

    let_go()
    gc.collect()

    assert app() is None
