"""Every way of registering a route is seen, with its full path."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.programs import write
from fastness.checker.evidence.intent import Intent
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.project import Project

WAYS = {
    "a method of the project's own that passes routes on": (
        """
        from fastapi import FastAPI
        class Api:
            def __init__(self, app: FastAPI) -> None:
                self.app = app
                self.add_api_route("/model", self.model, methods=["POST"])
            def add_api_route(self, path: str, endpoint, **options):
                return self.app.add_api_route(path, endpoint, **options)
            def model(self) -> int: ...
        app = FastAPI()
        api = Api(app)
        """,
        {"POST /model"},
    ),
    "prefixes of every level": (
        """
        from fastapi import APIRouter, FastAPI
        from users import router as users
        app, v1 = FastAPI(), APIRouter(prefix="/v1")
        v1.include_router(users, prefix="/people")
        app.include_router(v1, prefix="/api")
        # file: users.py
        from fastapi import APIRouter
        router = APIRouter(prefix="/x")
        @router.get("/{name}")
        def read(name: str): ...
        """,
        {"GET /api/v1/people/x/{name}"},
    ),
    "a prefix from the settings": (
        """
        from fastapi import APIRouter, FastAPI
        from config import settings
        app, router = FastAPI(), APIRouter()
        @router.post("/x")
        def x(): ...
        app.include_router(router, prefix=f"{settings.API}/v1")
        # file: config.py
        from pydantic_settings import BaseSettings
        class Settings(BaseSettings):
            API: str = "/api"
        settings = Settings()
        """,
        {"POST /api/v1/x"},
    ),
    "add_api_route": (
        """
        from fastapi import FastAPI
        app = FastAPI()
        def x(): ...
        app.add_api_route("/x", x, methods=["PUT", "DELETE"])
        """,
        {"DELETE,PUT /x"},
    ),
    "routes made in a function": (
        """
        from fastapi import APIRouter, FastAPI
        def users():
            router = APIRouter()
            @router.get("/x")
            def x(): ...
            return router
        def create_app():
            app = FastAPI()
            app.include_router(users(), prefix="/a")
            return app
        """,
        {"GET /a/x"},
    ),
    "a function that is given the application": (
        """
        from fastapi import FastAPI
        from setup import routes
        app = FastAPI()
        routes(app)
        # file: setup.py
        from fastapi import APIRouter
        router = APIRouter()
        @router.get("/x")
        def x(): ...
        def routes(application):
            application.include_router(router, prefix="/a")
        """,
        {"GET /a/x"},
    ),
    "a loop over routers": (
        """
        from fastapi import APIRouter, FastAPI
        one, two = APIRouter(), APIRouter()
        @one.get("/one")
        def first(): ...
        @two.get("/two")
        def second(): ...
        app = FastAPI()
        for router in (one, two):
            app.include_router(router, prefix="/a")
        """,
        {"GET /a/one", "GET /a/two"},
    ),
    "a class with the application in it": (
        """
        from fastapi import FastAPI
        class Server:
            def __init__(self):
                self.app = FastAPI()
                self.app.add_api_route("/x", self.x, methods=["POST"])
            async def x(self): ...
        """,
        {"POST /x"},
    ),
    "a router class that overrides how routes are added": (
        """
        from fastapi import APIRouter, FastAPI
        class Router(APIRouter):
            def add_api_route(self, path, *args, **kwargs):
                super().add_api_route(path + "/", *args, **kwargs)
                super().add_api_route(path, *args, **kwargs)
        class Server:
            def __init__(self):
                self.app = FastAPI()
                self.router = Router()
                self.router.add_api_route("/x", self.x, methods=["POST"])
                self.app.include_router(self.router)
            async def x(self): ...
        """,
        {"POST /x"},
    ),
    "several verbs and stacked decorators": (
        """
        from fastapi import FastAPI
        app = FastAPI()
        @app.api_route("/x", methods=["GET", "POST"])
        @app.delete("/y")
        def x(): ...
        """,
        {"GET,POST /x", "DELETE /y"},
    ),
    "a WebSocket and a mount": (
        """
        from fastapi import FastAPI, WebSocket
        from fastapi.staticfiles import StaticFiles
        app = FastAPI()
        @app.websocket("/ws")
        async def ws(socket: WebSocket): ...
        app.mount("/static", StaticFiles(directory="s"))
        """,
        {"WEBSOCKET /ws", "MOUNT /static"},
    ),
    "a decorator without its sign": (
        """
        from fastapi import FastAPI
        app = FastAPI()
        def x(): ...
        app.get("/x")(x)
        """,
        {"GET /x"},
    ),
    "a project template": (
        """
        from fastapi import FastAPI
        from {{ cookiecutter.name }}.users import router
        app = FastAPI(title="{{ cookiecutter.title }}")
        {%- if cookiecutter.users %}
        app.include_router(router, prefix="/a")
        {%- endif %}
        # file: {{ cookiecutter.name }}/users.py
        from fastapi import APIRouter
        router = APIRouter()
        @router.get("/x")
        def x(): ...
        """,
        {"GET /a/x"},
    ),
}


def routes(folder: Path, program: str, intent: Intent | None = None) -> list[Route]:
    write(folder, "\n".join(line[8:] for line in program.splitlines()))
    return [route for _, route in Project(folder, intent=intent).routes()]


@pytest.mark.parametrize("way", WAYS)
def test_a_route_is_seen_with_its_path(way: str, tmp_path: Path) -> None:
    program, wanted = WAYS[way]

    assert {str(route) for route in routes(tmp_path, program)} == wanted


def test_a_function_that_fills_two_routers_makes_each_route_once(tmp_path: Path) -> None:
    program = """
        from fastapi import APIRouter, FastAPI
        inner = APIRouter()
        @inner.get("/x")
        def x(): ...
        def filled(router):
            router.include_router(inner)
            return router
        first = filled(APIRouter())
        second = filled(APIRouter(prefix="/{tenant}"))
        app = FastAPI()
        app.include_router(first)
        app.include_router(second)
    """

    assert sorted(str(route) for route in routes(tmp_path, program)) == ["GET /x", "GET /{tenant}/x"]


def test_two_applications_keep_their_routes_apart(tmp_path: Path) -> None:
    for name in ("safe", "unsafe"):
        write(
            tmp_path,
            f'from fastapi import FastAPI\napp = FastAPI()\n@app.get("/{name}")\ndef x(): ...',
            f"{name}/main.py",
        )

    seen = {a.name: [str(r) for r in a.routes] for a in Project(tmp_path).applications}

    assert seen == {"safe.main:app": ["GET /safe"], "unsafe.main:app": ["GET /unsafe"]}


def test_a_router_that_only_development_mounts_says_so(tmp_path: Path) -> None:
    program = """
        from fastapi import APIRouter, FastAPI
        from config import settings
        app, private = FastAPI(), APIRouter()
        @private.post("/x")
        def x(): ...
        if settings.ENVIRONMENT == "local":
            app.include_router(private)
        """

    assert [route.development for route in routes(tmp_path, program)] == [True]


def test_a_router_that_nobody_is_seen_to_include_is_not_lost(tmp_path: Path) -> None:
    program = """
        import importlib
        from fastapi import FastAPI
        app = FastAPI()
        for name in ("users",):
            app.include_router(importlib.import_module(name).router)
        # file: users.py
        from fastapi import APIRouter
        router = APIRouter(prefix="/users")
        @router.get("/x")
        def x(): ...
        """

    assert [(str(route), route.placed) for route in routes(tmp_path, program)] == [("GET /users/x", False)]


def test_a_public_route_has_its_reason(tmp_path: Path) -> None:
    program = """
        from fastapi import FastAPI
        from fastness import public
        app = FastAPI()
        @app.get("/a")
        @public("it returns no data")
        def a(): ...
        @app.get("/b/c")
        def b(): ...
        """

    declared = routes(tmp_path, program, Intent(public={"GET /b/*": "a catalogue"}))

    assert [route.public for route in declared] == ["it returns no data", "a catalogue"]


def test_inputs_have_sources_bounds_and_models(tmp_path: Path) -> None:
    program = """
        from typing import Annotated
        from fastapi import Depends, FastAPI, Header, Query
        from pydantic import BaseModel, Field
        app = FastAPI()
        Limit = Annotated[int, Query(ge=1, le=100)]
        class Item(BaseModel):
            name: str = Field(max_length=20)
        def page(limit: Limit = 10, offset: int = 0): ...
        @app.post("/{shop}")
        def x(shop: int, item: Item, x_key: str = Header(), _=Depends(page)): ...
        """
    parameters = {p.name: p for p in routes(tmp_path, program)[0].parameters}

    sources = {name: parameter.source for name, parameter in parameters.items()}
    model = parameters["item"].model

    assert sources == {"shop": "path", "item": "body", "x_key": "header", "limit": "query", "offset": "query"}
    assert parameters["limit"].bound("le") == 100
    assert parameters["offset"].bound("le") is None
    assert model is not None
    assert [(field.name, field.bound("max_length")) for field in model.fields] == [("name", 20)]
