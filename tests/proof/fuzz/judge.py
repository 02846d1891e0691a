"""What an answer must be like, whoever asked: no mistake of ours, nobody let in, and the shapes of the document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from by_hand import Reply
from proof.places import Asked

STRANGERS = frozenset({"anonymous", "expired", "foreign"})
"""Callers that no route may serve which needs one."""
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the document tells it."""

    method: str
    path: str
    tells: Mapping[str, Any] = field(repr=False, hash=False, compare=False)

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def needs_caller(self) -> bool:
        return bool(self.tells.get("security"))

    @property
    def needs_role(self) -> bool:
        return "403" in self.tells["responses"]


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Everything that the document offers."""
    return [
        Operation(method.upper(), path, tells)
        for path, methods in document["paths"].items()
        for method, tells in methods.items()
    ]


class Judge:
    """Counts answers, and keeps a line for each that must not be.

    A 503 with Retry-After is a deliberate answer of a full password pool. Here requests come one after another, so
    nothing is ever full: every 5xx is a fault. `mistakes` are operations that fail on purpose; their 500 must be a
    problem that says nothing of `told`.
    """

    def __init__(self, document: Mapping[str, Any], *, mistakes: Mapping[str, str] | None = None) -> None:
        self._known = {(operation.method, operation.path): operation for operation in operations(document)}
        self._document, self._mistakes = document, dict(mistakes or {})
        self._problem = self._validator(document["components"]["schemas"]["Problem"])
        self._answers: dict[tuple[str, str], jsonschema_rs.Validator | None] = {}
        self.statuses: Counter[int] = Counter()
        self.served: Counter[tuple[str, str]] = Counter()
        """(operation, caller) -> answers 2xx."""
        self.faults: list[str] = []

    def see(self, asked: Asked, reply: Reply, *, caller: str, operation: Operation | None = None) -> None:
        """Look at one answer; `operation` is found by method and path where it is not given."""
        operation = operation or self._known.get((asked.method, asked.path))
        self.statuses[reply.status] += 1
        for what in self._wrong(reply, caller, operation):
            label = "nothing of the document" if operation is None else operation.label
            sent = f"{asked.method} {asked.path!r} ? {asked.query!r} {asked.headers!r} {asked.body!r}"
            self.faults.append(f"{what}: {label} as {caller}: {reply.status} {reply.body[:200]!r} to {sent[:600]}")

    def _wrong(self, reply: Reply, caller: str, operation: Operation | None) -> list[str]:
        if operation is not None and operation.label in self._mistakes and reply.status == 500:
            hidden = self._mistakes[operation.label].encode()
            return ["a mistake tells about itself"] if hidden in reply.body or not self._is_problem(reply) else []
        if not 200 <= reply.status < 500:
            return ["no status that an answer may have" if reply.status < 500 else "server error"]
        found = ["control characters in a header" for _, value in reply.headers if not {0, 10, 13}.isdisjoint(value)]
        if reply.status >= 400:
            return found if self._is_problem(reply) else [*found, "a refusal that is no problem of the document"]
        if operation is None:
            return found
        if operation.needs_caller and caller in STRANGERS:
            found.append("ignored authentication")
        if operation.needs_role and caller == "user":
            found.append("ignored authorization")
        self.served[operation.label, caller] += 1
        return [*found, *self._answer(operation, reply)]

    def _is_problem(self, reply: Reply) -> bool:
        if reply.one("content-type") != PROBLEM:
            return False
        try:
            said = json.loads(reply.body)
        except ValueError:
            return False
        return bool(self._problem.is_valid(said)) and said["status"] == reply.status

    def _answer(self, operation: Operation, reply: Reply) -> list[str]:
        key = (operation.label, str(reply.status))
        if key[1] not in operation.tells["responses"]:
            return ["a success that the document does not know"]
        if key not in self._answers:
            content = operation.tells["responses"][key[1]].get("content", {})
            schema = content.get("application/json", {}).get("schema")
            self._answers[key] = None if schema is None else self._validator(schema)
        validator = self._answers[key]
        if validator is None or (reply.one("content-type") or "").startswith("text/"):
            return []
        return [] if validator.is_valid(json.loads(reply.body)) else ["an answer that is not as the document says"]

    def _validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
        return jsonschema_rs.Draft202012Validator({**schema, "components": self._document["components"]})
