"""Puts our documentation pages in the place of FastAPI's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, params
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from fastness.controls.docs.assets import EXTRA, REDOC_SCRIPT, SWAGGER_SCRIPT, SWAGGER_STYLE, File, folder
from fastness.controls.docs.pages import Pages
from fastness.controls.docs.settings import DocSettings
from fastness.core.declare import provides, public
from fastness.core.errors import MissingExtra

Endpoint = Callable[[Request], Awaitable[Response]]


@provides("docs")
class Docs:
    """Swagger UI, ReDoc and the OpenAPI document of one application, all with the same access.

    They stand where `docs_url`, `redoc_url` and `openapi_url` say, as routes that limits, headers and the start check
    see like any other. Without the docs extra the document alone is served, and `missing` says how to install it.
    """

    def __init__(self, settings: DocSettings | None = None, *, production: bool = True) -> None:
        """Raises `UnsafeConfiguration` for an origin that is none, or a role that would not be asked for."""
        self.settings = settings or DocSettings()
        for problem in self.settings.problems(production=False):
            raise problem
        self.problems = self.settings.problems
        self.level = self.settings.level(production=production)
        """Who may read: `off`, `public` or `required`."""
        self._folder = folder()

    @property
    def missing(self) -> str:
        """One sentence with the command that installs the pages; empty when they are there."""
        return "" if self._folder is not None else str(MissingExtra("Swagger UI", EXTRA))

    def install(self, app: FastAPI, *, guard: Sequence[params.Depends] = ()) -> None:
        """Replace FastAPI's routes for documentation; with access `off`, nothing is done, and nothing opened.

        Args:
            guard: the dependencies that let a caller read, where access is required.

        Raises:
            ValueError: access is required and there is no guard.
        """
        if self.level == "off" or not app.openapi_url:
            return
        if self.level == "required" and not guard:
            raise ValueError("the documentation requires a caller, and no dependency decides who may read it")
        chosen = tuple(guard) if self.level == "required" else ()
        routes = app.router.routes
        own = {getattr(route, "path", ""): route for route in routes if _of_fastapi(route)}
        for path, endpoint in self._endpoints(app, own).items():
            route = APIRoute(
                path,
                endpoint if chosen else _public(endpoint),
                methods=["GET", "HEAD"],
                dependencies=list(chosen),
                include_in_schema=False,
                response_model=None,
            )
            # Built and placed by hand: through the router, dependencies of the whole application would close a public
            # page; and at the end of the list, a route for every path would come first.
            if path in own:
                routes[routes.index(own[path])] = route
            else:
                routes.insert(0, route)

    def _endpoints(self, app: FastAPI, own: Mapping[str, Any]) -> dict[str, Endpoint]:
        # Only what FastAPI serves: `docs_url=None` is the application's word that there is no such page.
        document = app.openapi_url or ""
        found: dict[str, Endpoint] = {}
        if document in own:
            found[document] = _document(own[document].endpoint)
        if self._folder is None:
            return found
        pages = Pages(
            title=app.title,
            document=document,
            redirect=app.swagger_ui_oauth2_redirect_url,
            parameters=app.swagger_ui_parameters or {},
            oauth=app.swagger_ui_init_oauth,
            connect=self.settings.connect,
        )
        if app.docs_url in own:
            found |= _swagger(pages, app.docs_url or "", self._folder)
        if app.redoc_url in own:
            found |= _redoc(pages, app.redoc_url or "", self._folder)
        return found


def _swagger(pages: Pages, page: str, folder: Path) -> dict[str, Endpoint]:
    script, style = File(page, folder / SWAGGER_SCRIPT), File(page, folder / SWAGGER_STYLE)

    async def swagger_ui(_: Request) -> Response:
        return pages.swagger(page, script=script.address, style=style.address)

    async def came_back(_: Request) -> Response:
        return pages.came_back(pages.redirect or "")

    found: dict[str, Endpoint] = {page: swagger_ui, script.path: script.send, style.path: style.send}
    return found | ({pages.redirect: came_back} if pages.redirect else {})


def _redoc(pages: Pages, page: str, folder: Path) -> dict[str, Endpoint]:
    script = File(page, folder / REDOC_SCRIPT)

    async def redoc(_: Request) -> Response:
        return pages.redoc(page, script=script.address)

    return {page: redoc, script.path: script.send}


def _document(original: Endpoint) -> Endpoint:
    # FastAPI's own, which knows the root path and the servers.
    async def document(request: Request) -> Response:
        return await original(request)

    return document


def _public(endpoint: Endpoint) -> Endpoint:
    @public("the documentation of this interface")
    async def opened(request: Request) -> Response:
        return await endpoint(request)

    return opened


def _of_fastapi(route: Any) -> bool:
    return getattr(getattr(route, "endpoint", None), "__module__", "") == "fastapi.applications"
