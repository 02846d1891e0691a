"""The OpenAPI document says what the chain enforces: schemes, scopes, and the refusals of each operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastness.controls.access import PeopleOnly, Require
from fastness.controls.access.require import SCHEME
from fastness.controls.uploads import Upload, Uploads
from fastness.rules import Rule

KEY_SCHEME = "fastness_api_key"
"""The name of API keys in the OpenAPI document."""

_CONVERTOR = re.compile(r":[^{}]+\}")

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "required": ["status", "title", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; made for programs."},
        "request_id": {"type": "string"},
    },
}


def describe(
    original: Callable[[], dict[str, Any]],
    rules: Callable[[], Iterable[Rule]],
    *,
    app: Any,
    token_url: str | None,
    grants: Mapping[str, Iterable[str]],
    key_header: str = "",
) -> Callable[[], dict[str, Any]]:
    """Wrap `app.openapi` so that each new document is completed once.

    Args:
        token_url: where the OAuth2 password grant is, relative to the document so that it survives `root_path`; without
            it the scheme is a plain HTTP bearer.
        grants: role -> permissions; every permission is listed as a scope.
        key_header: the header that carries an API key, where keys are read.
    """
    done: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        document = original()
        if not done or done[0] is not document:
            done[:] = [document]
            mine = [rule for rule in rules() if rule.route.app is app]
            _complete(document, mine, token_url, grants, key_header)
        return document

    return openapi


def _complete(
    document: dict[str, Any],
    rules: Iterable[Rule],
    token_url: str | None,
    grants: Mapping[str, Iterable[str]],
    key_header: str,
) -> None:
    scopes = {permission for permissions in grants.values() for permission in permissions}
    for rule in rules:
        path = document.get("paths", {}).get(_CONVERTOR.sub("}", rule.path), {})
        for method in rule.methods or ():
            operation = path.get(method.lower())
            if operation is not None:
                scopes |= _operation(operation, rule, keys=bool(key_header))
    components = document.setdefault("components", {})
    schemes = components.setdefault("securitySchemes", {})
    if SCHEME in schemes and token_url is not None:
        flow = {"tokenUrl": token_url, "scopes": dict.fromkeys(sorted(scopes), "")}
        schemes[SCHEME] = {"type": "oauth2", "flows": {"password": flow}}
    if SCHEME in schemes and key_header:
        schemes[KEY_SCHEME] = {"type": "apiKey", "in": "header", "name": key_header, "description": "For programs."}
    components.setdefault("schemas", {}).setdefault("Problem", _PROBLEM)


def _operation(operation: dict[str, Any], rule: Rule, *, keys: bool) -> set[str]:
    requirements = [call for call in rule.route.calls if isinstance(call, Require)]
    needed = {permission for requirement in requirements for permission in requirement.permissions}
    for entry in operation.get("security", ()):
        if SCHEME in entry:
            entry[SCHEME] = sorted({*entry[SCHEME], *needed})
    # A key is no person and has no role and no recent sign-in, so it opens no operation that asks for one.
    people = any(isinstance(call, PeopleOnly) for call in rule.route.calls)
    if keys and not people and not any(one.roles or one.fresh is not None for one in requirements):
        security = operation.get("security", [])
        security += [{KEY_SCHEME: list[str]()} for entry in security if SCHEME in entry]
    responses = operation.setdefault("responses", {})
    if requirements:
        _refusal(responses, "401", "Sign in first, or the access token is not valid.")
    if any(requirement.roles or requirement.permissions for requirement in requirements):
        _refusal(responses, "403", "The caller lacks a role or permission.")
    if rule.limits_by_address or rule.limits_by_user:
        limits = [*rule.limits_by_address, *rule.limits_by_user]
        _refusal(responses, "429", "Limited to " + ", ".join(f"{limit.rate} by {limit.by}" for limit in limits) + ".")
    for call in rule.route.calls:
        if isinstance(call, Upload | Uploads):
            operation.setdefault("requestBody", call.openapi()["requestBody"])
            _refusal(responses, "413", "A file, or all together, is too large.")
            _refusal(responses, "415", "Files of this type are not accepted here.")
            _refusal(responses, "422", "The form or a file is not as it should be.")
    if "422" in responses:
        # FastAPI's own schema shows the rejected input, which our answer never does.
        _refusal(responses, "422", "The input is not valid.", replace=True)
    return needed


def _refusal(responses: dict[str, Any], status: str, description: str, *, replace: bool = False) -> None:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if replace or status not in responses:
        responses[status] = {"description": description, "content": content}
