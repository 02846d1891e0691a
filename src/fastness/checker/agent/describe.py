"""An application in plain values: its routes, middleware, options, handlers and what `secure(app)` says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from .fields import below, model_of, models_in, parameters
from .source import bare, written
from .walk import Found, walk

_OPTIONS = ("title", "version", "debug", "docs_url", "redoc_url", "openapi_url", "root_path", "redirect_slashes",
            "max_body_size", "strict_content_type", "swagger_ui_oauth2_redirect_url")  # fmt: skip


def application(app: Any) -> dict[str, Any]:
    """Everything that rules ask of the loaded application, mounted ones included, in values for JSON."""
    routes = [route(found) for found in walk(app)]
    apps: list[Any] = [app]
    for found in walk(app):
        if not any(found.app is each for each in apps):
            apps.append(found.app)
    for described, found in zip(routes, walk(app)):  # noqa: B905 - the same walk twice; older Pythons lack strict
        described["app"] = next(i for i, each in enumerate(apps) if each is found.app)
    return {"routes": routes, "apps": [_one(each) for each in apps], "fastness": _fastness(app)}


def route(found: Found) -> dict[str, Any]:
    """One route."""
    endpoint = found.get("endpoint")
    dependant = found.get("dependant")
    response = found.get("response_model") or getattr(found.get("response_field"), "type_", None)
    return {
        "path": found.path,
        "kind": found.kind,
        "methods": sorted(found.get("methods") or ()) if found.kind == "http" else [],
        "name": found.get("name") or "",
        **(written(endpoint) if endpoint is not None else written(type(found.original))),
        "mounted": written(type(found.get("app"))) if found.kind == "mount" else None,
        "schema": bool(found.get("include_in_schema", True)),
        "tags": [str(getattr(tag, "value", tag)) for tag in found.get("tags") or ()],
        "deprecated": bool(found.get("deprecated", False)),
        "public": _public(endpoint),
        "dependencies": [dependency(each) for each in below(dependant)],
        "parameters": list(parameters(dependant)),
        "response": [model_of(cls) for cls in models_in(response)],
    }


def dependency(dependant: Any) -> dict[str, Any]:
    """One dependency with what it declares."""
    call = dependant.call
    scopes = getattr(dependant, "security_scopes", None) or [
        *(getattr(dependant, "parent_oauth_scopes", None) or ()),
        *(getattr(dependant, "own_oauth_scopes", None) or ()),
    ]
    return {
        **written(call),
        "scopes": list(scopes),
        "scheme": _scheme(call),
        "provides": list(getattr(call, "__fastness_provides__", ()) or ()),
        "returns": _returns(call),
    }


def _scheme(call: Any) -> dict[str, Any] | None:
    base = getattr(sys.modules.get("fastapi.security.base"), "SecurityBase", None)
    if base is None or not isinstance(call, base):
        return None
    model: Any = getattr(call, "model", None)
    kind = getattr(model, "type_", None) or getattr(model, "type", "")
    return {
        "class": type(call).__name__,
        "own": not type(call).__module__.startswith("fastapi."),
        "type": str(getattr(kind, "value", kind)),
        "scheme": str(getattr(model, "scheme", "") or ""),
        "in": str(getattr(getattr(model, "in_", None), "value", "") or ""),
        "name": str(getattr(model, "name", "") or ""),
        "auto_error": bool(getattr(call, "auto_error", True)),
    }


def _returns(call: Any) -> str:
    annotations = getattr(bare(call), "__annotations__", None) or {}
    found = annotations.get("return", "")
    return found if isinstance(found, str) else getattr(found, "__qualname__", str(found))


def _public(endpoint: Any) -> str | None:
    reason = getattr(endpoint, "__fastness_public__", None)
    return reason if isinstance(reason, str) else None


def _one(app: Any) -> dict[str, Any]:
    return {
        **written(type(app)),
        "framework": type(app).__module__.startswith(("fastapi.", "starlette.")),
        "options": {name: getattr(app, name) for name in _OPTIONS if hasattr(app, name)},
        "middleware": [_middleware(each) for each in getattr(app, "user_middleware", None) or ()],
        # Those that FastAPI brings itself answer as FastAPI does.
        "handlers": [
            each.__name__ if isinstance(each, type) else str(each)
            for each, handler in getattr(app, "exception_handlers", {}).items()
            if not str(getattr(handler, "__module__", "")).startswith(("fastapi.", "starlette."))
        ],
    }


def _middleware(each: Any) -> dict[str, Any]:
    options = getattr(each, "kwargs", None) or getattr(each, "options", None) or {}
    return {**written(each.cls), "options": {str(name): _plain(value) for name, value in options.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value]
    return written(value)["qualname"] if callable(value) else repr(value)[:200]


def _fastness(app: Any) -> dict[str, Any] | None:
    secured = getattr(getattr(app, "state", None), "fastness", None)
    if secured is None or not hasattr(secured, "on"):
        return None
    report = {"on": list(secured.on), "off": list(secured.off), "observing": list(secured.observing), "text": ""}
    try:
        report["text"] = str(secured.report())
    except Exception as error:  # noqa: BLE001 - the report asks the application's own hooks
        report["text"] = f"no report: {error}"
    return report


def documents(app: Any) -> Iterator[dict[str, Any]]:
    """The OpenAPI document of each application, mounted ones included, with the path under which it is served."""
    seen: list[Any] = []
    for found in walk(app):
        make = getattr(found.app, "openapi", None)
        if make is None or any(found.app is each for each in seen):
            continue
        seen.append(found.app)
        try:
            yield {"prefix": found.prefix, "document": make()}
        except Exception:  # noqa: BLE001 - a model that has no schema, or a handler that has no name
            yield {"prefix": found.prefix, "document": _piecewise(found.app)}


def _piecewise(app: Any) -> dict[str, Any]:
    """The document without the routes that cannot be described."""
    make = sys.modules["fastapi.openapi.utils"].get_openapi
    document: dict[str, Any] = {"paths": {}, "components": {}}
    for each in app.routes:
        try:
            one = make(title="", version="", routes=[each])
        except Exception:  # noqa: BLE001, S112 - this is the one
            continue
        for path, methods in one.get("paths", {}).items():
            document["paths"].setdefault(path, {}).update(methods)
        for kind, named in one.get("components", {}).items():
            document["components"].setdefault(kind, {}).update(named)
    return document
