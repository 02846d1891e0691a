"""The agent runs where Fastness is absent and Python is old, and sees the route tree as `fastness.routes` does."""

from __future__ import annotations

import ast
import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router

from fastness import routes
from fastness.checker.agent.source import bare, written
from fastness.checker.agent.stores import create_tables
from fastness.checker.agent.walk import walk

FILES = sorted((Path(__file__).parents[2] / "src/fastness/checker/agent").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_of_the_agent_is_syntax_of_python_3_8(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 8))

    assert not [node for node in ast.walk(tree) if node.__class__.__name__ in {"Match", "TryStar"}]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_of_the_agent_imports_the_standard_library_and_its_neighbours(file: Path) -> None:
    names = {"__future__"}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).partition(".")[0])

    assert names <= sys.stdlib_module_names


def application() -> FastAPI:
    async def plain(_request: object) -> PlainTextResponse:
        return PlainTextResponse("x")

    deep, middle = APIRouter(prefix="/deep"), APIRouter(prefix="/middle")

    @deep.get("/{name}")
    async def read(name: str) -> str:
        return name

    @deep.websocket("/socket")
    async def socket(websocket: WebSocket) -> None: ...

    middle.include_router(deep)
    middle.mount("/files", PlainTextResponse("x"))
    inner, app = FastAPI(), FastAPI()
    inner.include_router(middle)
    app.include_router(middle, prefix="/v1")
    app.include_router(deep)
    app.mount("/inner", inner)
    app.router.routes += [
        Host("other.example", app=Router([Route("/there", plain)])),
        Mount("/plain", routes=[Route("/below", plain, methods=["GET", "POST"])]),
    ]
    return app


def test_the_agent_and_the_chain_see_the_same_routes() -> None:
    app = application()

    ours = [(route.path, route.kind, route.methods) for route in routes.walk(app)]
    agents = [(found.path, found.kind, found.get("methods")) for found in walk(app)]

    assert [(path, kind, frozenset(methods) if methods else None) for path, kind, methods in agents] == ours
    assert len(ours) > 15


def test_a_router_that_includes_itself_through_a_mount_ends() -> None:
    app = FastAPI()
    app.mount("/again", app)

    assert [found.path for found in walk(app) if found.kind == "http"][:1] == ["/openapi.json"]


def test_a_callable_is_found_under_everything_that_wraps_it() -> None:
    from functools import partial, wraps

    def handler() -> None: ...

    @wraps(handler)
    def wrapper() -> None: ...

    class Thing:
        def method(self) -> None: ...

        def __call__(self) -> None: ...

    assert bare(partial(wrapper)) is handler
    assert bare(Thing().method) is Thing.method
    assert bare(Thing()) is Thing.__call__
    assert written(Thing())["of"].endswith("Thing")
    assert written(len)["line"] == 0


def test_tables_are_made_under_sqlalchemy_1_3_whose_dialects_say_nothing_of_async(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Engine:
        url = SimpleNamespace(get_backend_name=lambda: "sqlite")
        dialect = object()

    class MetaData:
        tables, made = ("users",), list[object]()

        def create_all(self, engine: object) -> None:
            self.made.append(engine)

    monkeypatch.setitem(sys.modules, "sqlalchemy", SimpleNamespace(MetaData=MetaData))
    monkeypatch.setitem(sys.modules, "sqlalchemy.engine", SimpleNamespace(Engine=Engine))
    monkeypatch.setitem(sys.modules, "sqlalchemy.ext.asyncio", SimpleNamespace())
    engine, known = Engine(), MetaData()

    databases = asyncio.run(create_tables())

    assert (databases, known.made) == (1, [engine])
