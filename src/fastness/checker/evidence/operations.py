"""The operations of the application's OpenAPI documents, and requests that fit them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastness.checker.evidence.exchange import Sent
from fastness.checker.evidence.samples import Samples

_PARAMETER = re.compile(r"\{([^}:]+)(?::[^}]*)?\}")
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """The template, from the root: `/users/{user_id}`."""
    described: Mapping[str, Any]
    samples: Samples
    schemes: tuple[str, ...] = ()
    """Names of the security schemes that it asks for."""

    @property
    def content(self) -> tuple[str, Mapping[str, Any]] | None:
        """Media type and schema of the body; JSON where there is a choice."""
        found = self.samples.resolved(self.described.get("requestBody", {})).get("content", {})
        for kind in ("application/json", *found):
            if kind in found:
                return kind, self.samples.resolved(found[kind].get("schema", {}))
        return None

    @property
    def fields(self) -> dict[str, Mapping[str, Any]]:
        """The properties of the body."""
        return self.samples.properties(self.content[1]) if self.content is not None else {}

    def request(self, values: Mapping[str, Any] | None = None, *, body: Mapping[str, Any] | None = None) -> Sent:
        """A request that fits, without credentials.

        Args:
            values: for parameters of the path and the query, instead of samples.
            body: for fields of the body, beside the required ones.
        """
        values = values or {}
        query: dict[str, Any] = {}
        path_values: dict[str, Any] = {}
        headers: list[tuple[str, str]] = []
        for each in self.described.get("parameters", ()):
            parameter = self.samples.resolved(each)
            name, where = parameter.get("name", ""), parameter.get("in", "")
            if name in values or parameter.get("required"):
                value = values[name] if name in values else self.samples.of(parameter.get("schema", {}), name)
                match where:
                    case "path":
                        path_values[name] = value
                    case "query":
                        query[name] = value
                    case "header":
                        headers.append((name, str(value)))
                    case _:
                        continue
        path = fill(self.path, {**path_values, **values})
        kind, content = self._body(body or {})
        if kind:
            headers.append(("content-type", kind))
        return Sent(self.method, path, urlencode(query, doseq=True), tuple(headers), content)

    def _body(self, given: Mapping[str, Any]) -> tuple[str, bytes]:
        if self.content is None:
            return "", b""
        kind, schema = self.content
        value = self.samples.of(schema)
        if isinstance(value, dict):
            value = {**value, **given}
        if kind == "application/json":
            return kind, json.dumps(value).encode()
        if kind == "application/x-www-form-urlencoded":
            return kind, urlencode(value if isinstance(value, dict) else {}, doseq=True).encode()
        if kind == "multipart/form-data":
            return multipart({**(value if isinstance(value, dict) else {})}, self.samples.properties(schema))
        return kind, str(value).encode()


def fill(path: str, values: Mapping[str, Any]) -> str:
    """A path template with its parameters; a missing one is 1."""
    return _PARAMETER.sub(lambda found: quote(str(values.get(found[1], 1)), safe=""), path)


def parameters_of(path: str) -> list[str]:
    """The names in a path template."""
    return _PARAMETER.findall(path)


def operations(documents: list[Mapping[str, Any]]) -> Iterator[Operation]:
    """Every operation of every document."""
    for each in documents:
        document, prefix = each["document"], each["prefix"]
        samples = Samples(document)
        for path, item in document.get("paths", {}).items():
            for method in _METHODS:
                if method in item:
                    described = item[method]
                    shared = [*item.get("parameters", ()), *described.get("parameters", ())]
                    security = described.get("security", document.get("security", ()))
                    schemes = tuple(name for requirement in security for name in requirement)
                    yield Operation(
                        method.upper(), prefix + path, {**described, "parameters": shared}, samples, schemes
                    )


def multipart(fields: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]) -> tuple[str, bytes]:
    """A form with files, as browsers send it (RFC 7578)."""
    boundary = "checker-boundary-5f1c"
    parts = []
    for name, value in fields.items():
        schema = schemas.get(name, {})
        file = schema.get("format") == "binary" or "contentMediaType" in schema
        more = '; filename="a.txt"\r\nContent-Type: text/plain' if file else ""
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n')
    return f"multipart/form-data; boundary={boundary}", "".join([*parts, f"--{boundary}--\r\n"]).encode()
