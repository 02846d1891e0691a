"""Requests: what Schemathesis makes of the document, and the attack corpora in every input that the document names."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from accounts.serving import PASSWORD
from by_hand import Pair
from proof.corpora import FILES, strings
from proof.fuzz.judge import Operation, operations
from proof.fuzz.targets import Caller
from proof.places import FORM, JSON, Asked, Place, in_header, in_json, in_path, in_query, raw

_QUIET = hypothesis.settings(
    database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
_ORDINARY = {"email": "c{n}@example.com", "password": PASSWORD, "name": "Ada", "code": "123456", "flow": "abc"}
_ALIVE = {
    "password": PASSWORD, "grant_type": "password", "name": "Ada", "prompt": "hello", "text": "hello", "motto": "hello"
}  # fmt: skip
_FORM = {"grant_type": "password", "username": "c{n}@example.com", "password": PASSWORD, "refresh_token": "x"}


@dataclass(frozen=True)
class Case:
    """One request that was made; `body` holds the fields, so that what lives can be put into them."""

    operation: Operation
    asked: Asked
    body: Mapping[str, Any] | None = None
    ordinary: bool = False
    """Nothing in it is hostile, so that the route does its work."""

    def living(self, caller: Caller, victim: Caller) -> Asked:
        """The same request about accounts that exist, with a password that is right."""
        path = self.operation.path
        for name in _names(path):
            path = path.replace(f"{{{name}}}", victim.id)
        if self.body is None:
            return replace(self.asked, path=path)
        alive = {**_ALIVE, "email": caller.email, "username": caller.email, "refresh_token": caller.refresh}
        fields = {name: alive.get(name, value) for name, value in self.body.items()}
        form = FORM in self.asked.headers
        if not form and fields.pop("username", None) is not None:
            fields["email"] = caller.email  # a sign-in names one of the two
        body = urlencode(fields, doseq=True, errors="replace") if form else json.dumps(fields)
        return replace(self.asked, path=path, body=body.encode())


class Generator:
    """Cases for each operation of one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        schema = schemathesis.openapi.from_dict(document)
        made = {result.ok().label: result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)}
        self.document, self.operations = document, operations(document)
        self._strategies = {
            (operation.label, mode): made[operation.label].as_strategy(generation_mode=mode)
            for operation in self.operations
            for mode in GenerationMode
        }
        self._spent: set[tuple[str, GenerationMode]] = set()

    def cases(self, operation: Operation, number: int, seed: int) -> list[Case]:
        """An ordinary case and about `number` others, half of them against the document; fewer where none is left."""
        found = [_ordinary(operation, self.document)]
        for mode in GenerationMode:
            if (operation.label, mode) in self._spent or (mode.is_negative and not _can_be_wrong(operation)):
                continue
            made = self._draw(operation, mode, max(1, number // 2), seed)
            if len(made) < number // 2:
                self._spent.add((operation.label, mode))
            found += made
        return found

    def _draw(self, operation: Operation, mode: GenerationMode, number: int, seed: int) -> list[Case]:
        found: list[Case] = []

        def keep(case: Any) -> None:
            found.append(_case(operation, case))

        strategy = self._strategies[operation.label, mode]
        run = hypothesis.seed(seed)(hypothesis.settings(_QUIET, max_examples=number)(hypothesis.given(strategy)(keep)))
        try:
            run()
        except Unsatisfiable:
            return []  # nothing is against the document
        return found


def _case(operation: Operation, case: Any) -> Case:
    sent = case.as_transport_kwargs(base_url="http://localhost")
    headers: list[Pair] = [
        (name.lower().encode("latin-1", "replace"), str(value).encode("utf-8", "replace"))
        for name, value in sent["headers"].items()
        if name.lower() not in {"host", "connection", "authorization"}
    ]
    if sent.get("cookies"):
        pairs = "; ".join(f"{name}={value}" for name, value in sent["cookies"].items())
        headers.append((b"cookie", pairs.encode("utf-8", "replace")))
    body = b""
    kind, data = JSON, sent.get("data")
    if "json" in sent:
        body = json.dumps(sent["json"]).encode()
    elif isinstance(data, bytes | str):
        body = data.encode("utf-8", "replace") if isinstance(data, str) else data
    elif data:
        kind, body = FORM, urlencode(data, doseq=True, errors="replace").encode()
    if (body or "json" in sent) and all(name != b"content-type" for name, _ in headers):
        headers.append(kind)
    query = urlencode(sent.get("params") or {}, doseq=True, errors="replace").encode()
    path = unquote(urlsplit(sent["url"]).path)
    fields = sent.get("json", sent.get("data"))
    return Case(
        operation, Asked(operation.method, path, headers, body, query), fields if isinstance(fields, dict) else None
    )


def _ordinary(operation: Operation, document: Mapping[str, Any]) -> Case:
    content = operation.tells.get("requestBody", {}).get("content", {})
    if not content:
        return Case(operation, Asked(operation.method, operation.path), ordinary=True)
    form = "application/json" not in content
    fields = _properties(next(iter(content.values()))["schema"], document)
    known = {*_ALIVE, "email", "username"} | (set() if form else {"refresh_token"})
    body = {name: "" for name in fields if name in known}
    return Case(operation, Asked(operation.method, operation.path, [FORM if form else JSON]), body, ordinary=True)


def _can_be_wrong(operation: Operation) -> bool:
    """Not a form: each of its fields is text and may be left out, and Schemathesis looks for the rest for minutes."""
    kinds = operation.tells.get("requestBody", {}).get("content", {})
    return bool(operation.tells.get("parameters") or "application/json" in kinds)


def _names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def places(operation: Operation, document: Mapping[str, Any]) -> list[Place]:
    """Where a hostile string can go in this operation."""
    method, path = operation.method, operation.path
    whole = path
    for name in _names(path):
        whole = whole.replace(f"{{{name}}}", "00000000-0000-0000-0000-000000000000")
    found: list[Place] = [in_query(whole, "unknown", method), raw(method, whole)]
    found += [_at(in_header(name), method, whole) for name in (b"cookie", b"x-request-id", b"user-agent", b"origin")]
    for name in _names(path):
        before, _, after = path.partition(f"{{{name}}}")
        found.append(in_path(method, before, after))
    for parameter in operation.tells.get("parameters", ()):
        if parameter["in"] == "query":
            found.append(in_query(whole, parameter["name"], method))
        elif parameter["in"] == "cookie":
            found.append(_at(in_header(b"cookie", parameter["name"].encode() + b"="), method, whole))
    for kind, content in operation.tells.get("requestBody", {}).get("content", {}).items():
        fields = _properties(content["schema"], document)
        for field in fields:
            others = _ORDINARY if kind == "application/json" else _FORM
            known = {name: value for name, value in others.items() if name in fields and name != field}
            if kind == "application/json":
                found += [in_json(method, whole, field, **known), in_json(method, whole, "*", **known)]
            else:
                found += [_form(method, whole, field, known), raw(method, whole, FORM)]
    return found


def _at(place: Place, method: str, path: str) -> Place:
    return lambda attack, number: replace(place(attack, number), method=method, path=path)


def _form(method: str, path: str, field: str, known: Mapping[str, str]) -> Place:
    def asked(attack: bytes, number: int) -> Asked:
        given = [f"{name}={quote(value.format(n=number))}" for name, value in known.items()]
        return Asked(method, path, [FORM], "&".join([*given, f"{field}={quote(attack)}"]).encode())

    return asked


def _properties(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found = list(schema.get("properties", ()))
    for other in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        found += _properties(other, document)
    return found


def attacks(seed: int) -> Iterator[bytes]:
    """Every string of every corpus in turn, without end: the small files soon, all of the large one in time."""
    chance = random.Random(seed)
    every = [list(strings(name)) for name in FILES]
    for file in every:
        chance.shuffle(file)
    at = 0
    while True:
        for file in every:
            if at < len(file) or chance.random() < len(file) / max(map(len, every)):
                yield file[at % len(file)]
        at += 1
