"""Names of the ecosystem that several modules export: one canonical word for each."""

from __future__ import annotations

from functools import lru_cache

_MOVED = (
    ("fastapi.routing.", "fastapi."),
    ("fastapi.applications.", "fastapi."),
    ("fastapi.param_functions.", "fastapi."),
    ("fastapi.params.", "fastapi."),
    ("fastapi.exceptions.HTTPException", "fastapi.HTTPException"),
    ("fastapi.requests.", "fastapi."),
    ("starlette.requests.Request", "fastapi.Request"),
    ("starlette.websockets.WebSocket", "fastapi.WebSocket"),
    ("fastapi.websockets.WebSocket", "fastapi.WebSocket"),
    ("starlette.exceptions.HTTPException", "fastapi.HTTPException"),
    ("starlette.datastructures.UploadFile", "fastapi.UploadFile"),
    ("fastapi.datastructures.UploadFile", "fastapi.UploadFile"),
    ("fastapi.security.http.", "fastapi.security."),
    ("fastapi.security.oauth2.", "fastapi.security."),
    ("fastapi.security.api_key.", "fastapi.security."),
    ("fastapi.security.open_id_connect_url.", "fastapi.security."),
    ("fastapi.middleware.", "starlette.middleware."),
    ("fastapi.responses.", "starlette.responses."),
    ("fastapi.staticfiles.", "starlette.staticfiles."),
    ("fastapi.templating.", "starlette.templating."),
    ("fastapi.Response", "starlette.responses.Response"),
    ("fastapi.background.", "starlette.background."),
    ("sqlalchemy.sql.expression.", "sqlalchemy."),
    ("sqlalchemy.sql.text", "sqlalchemy.text"),
    ("sqlmodel.text", "sqlalchemy.text"),
    ("jose.jwt.", "jose.jwt."),
    ("pydantic.v1.", "pydantic."),
    ("pydantic.main.", "pydantic."),
    ("pydantic.fields.", "pydantic."),
    ("pydantic.BaseSettings", "pydantic_settings.BaseSettings"),
)
_FIRST = frozenset(prefix.partition(".")[0] for prefix, _ in _MOVED)


@lru_cache(maxsize=65_536)
def canonical(name: str) -> str:
    """`fastapi.APIRouter` for `fastapi.routing.APIRouter`, and so on."""
    name = name.removeprefix(".")
    if name.partition(".")[0] not in _FIRST:
        return name
    for old, new in _MOVED:
        if name.startswith(old):
            return new + name[len(old) :]
    return name
