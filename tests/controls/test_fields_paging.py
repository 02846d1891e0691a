"""Lists: bounded pages, each parameter at most once, a clean search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Query
from httpx2 import ASGITransport, AsyncClient
from pydantic import ValidationError

from fastness.controls.fields import Page, PageSize, Paging, Search

pytestmark = pytest.mark.anyio


async def inner(page: Page = 1, limit: PageSize = 20, search: Search = None) -> dict[str, Any]:
    return {"page": page, "limit": limit, "search": search}


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    app = FastAPI()

    @app.get("/alone")
    async def alone(page: Page = 1, limit: PageSize = 20, search: Search = None) -> dict[str, Any]:
        return {"page": page, "limit": limit, "search": search}

    @app.get("/together")
    async def together(paging: Annotated[Paging, Query()]) -> dict[str, Any]:
        return paging.model_dump()

    @app.get("/depends")
    async def depends(given: Annotated[dict[str, Any], Depends(inner)]) -> dict[str, Any]:
        return given

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client


ROUTES = pytest.mark.parametrize("path", ["/alone", "/together", "/depends"])


@ROUTES
async def test_nothing_asked_for_is_the_first_twenty(client: AsyncClient, path: str) -> None:
    assert (await client.get(path)).json() == {"page": 1, "limit": 20, "search": None}


@ROUTES
async def test_numbers_and_search_arrive_as_what_they_are(client: AsyncClient, path: str) -> None:
    answer = await client.get(path, params={"page": "3", "limit": "100", "search": "  Ada  "})

    assert answer.json() == {"page": 3, "limit": 100, "search": "Ada"}


@ROUTES
@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=10001",
        "page=1" + "0" * 30,
        "page=1" + "0" * 5000,
        "page=1.5",
        "page=1e3",
        "page=NaN",
        "page=",
        "page=true",
        "page=%00",
        "limit=0",
        "limit=101",
        "limit=1" + "0" * 9,
        "limit=abc",
        "limit=1&limit=100",
        "limit=100&limit=100",
        "page=1&page=1",
        "search=a&search=b",
        "search=%00",
        "search=a%0Ab",
        "search=%E2%80%AEa",
        "search=" + "a" * 101,
    ],
    ids=lambda x: x[:30],
)
async def test_what_a_database_should_never_see_is_refused(client: AsyncClient, path: str, query: str) -> None:
    assert (await client.get(f"{path}?{query}")).status_code == 422


@ROUTES
@pytest.mark.parametrize("query", ["search=", "search=%20%20"])
async def test_an_empty_search_is_no_search(client: AsyncClient, path: str, query: str) -> None:
    assert (await client.get(f"{path}?{query}")).json()["search"] is None


async def test_the_model_refuses_unknown_parameters_and_lists_too_deep(client: AsyncClient) -> None:
    unknown = await client.get("/together?pages=1")
    deep = await client.get("/together?page=101&limit=100")
    deepest = await client.get("/together?page=100&limit=100")

    assert (unknown.status_code, deep.status_code, deepest.status_code) == (422, 422, 200)
    assert deep.json()["detail"][0]["type"] == "fastness_too_deep"


@pytest.mark.parametrize("path", ["/alone", "/together"])
async def test_the_document_shows_plain_values_with_their_bounds(client: AsyncClient, path: str) -> None:
    document = (await client.get("/openapi.json")).json()

    shown = {x["name"]: x["schema"] for x in document["paths"][path]["get"]["parameters"]}
    assert (shown["page"]["type"], shown["page"]["minimum"], shown["page"]["maximum"]) == ("integer", 1, 10_000)
    assert (shown["limit"]["type"], shown["limit"]["maximum"], shown["limit"]["default"]) == ("integer", 100, 20)
    assert (shown["search"]["type"], shown["search"]["maxLength"]) == ("string", 100)


async def test_the_model_works_without_a_request() -> None:
    assert Paging().offset == 0
    assert Paging(page=3, limit=10).offset == 20
    with pytest.raises(ValidationError):
        Paging(page=0)
