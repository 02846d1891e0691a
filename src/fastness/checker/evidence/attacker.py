"""Attacks one loaded application in its own process: never a socket, within a budget, with two accounts where they can be had."""

from __future__ import annotations

import base64
import itertools
import json as json_module
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from fastness.checker.evidence.exchange import Answer, Sent
from fastness.checker.evidence.identities import Identity
from fastness.checker.evidence.loaded import Loaded
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.operations import Operation
from fastness.checker.evidence.redacted import redacted
from fastness.checker.evidence.samples import Samples
from fastness.checker.finding import Place, Proof

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# RFC 5737: addresses that nobody has.
_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_COOKIES = 200
_CONVERTOR = re.compile(r":\w+\}")


@dataclass(frozen=True, slots=True)
class Closed:
    """A reading route that refuses strangers and answers the first account."""

    route: Route
    sent: Sent
    stranger: Answer
    own: Answer

    @property
    def verifier(self) -> Place | None:
        """The project's own dependency that decides who may call, where it is known."""
        guards = [g for g in self.route.guards if g.duty == "access" and g.place is not None]
        return next((g.place for g in reversed(guards)), None)


class Spent(Exception):
    """The budget of requests is used up; what was not tried is not said to be safe."""


class WritesOff(Exception):
    """The application's database is none that could be replaced, so only safe methods are sent."""


@dataclass(slots=True)
class Attacker:
    """What rules attack with. `send` for anything, `attempt` for a route as a well-meaning client would ask it."""

    loaded: Loaded
    application: Application
    writes: bool
    """Whether methods that change state may be sent."""
    host: str = "checked.example"
    left: int = 2_000
    """Requests that may still be sent."""
    notes: list[str] = field(default_factory=list[str])
    """What was not tried, and why; for the report."""
    operations: tuple[Operation, ...] = ()
    identities: tuple[Identity, ...] = ()
    """Two accounts without power, or none."""
    secrets: set[str] = field(default_factory=set[str], repr=False)
    """What must not be in a stored proof."""
    gateway: frozenset[str] = frozenset()
    """Catalogue entries that something in front of the application provides; the application alone does not show them."""
    silent: str = ""
    """Why attacks say nothing: the application did not start and answers every request with a server error."""
    unstarted: str = ""
    """Why its startup failed, where it did."""
    cookies: list[Answer] = field(default_factory=list[Answer], repr=False)
    """Answers that set one."""
    _operations: dict[tuple[str, str], Operation] = field(default_factory=dict[tuple[str, str], Operation], repr=False)
    _described: dict[tuple[str, str], list[Mapping[str, Any]]] = field(
        default_factory=dict[tuple[str, str], list[Mapping[str, Any]]], repr=False
    )
    _closed: list[Closed] | None = field(default=None, repr=False)
    _addresses: Iterator[int] = field(default_factory=itertools.count, repr=False)

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route of the application, mounted ones included."""
        return self.application.routes

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        body: bytes = b"",
        repeat: int = 1,
        by: Identity | None = None,
        address: str = "",
        scheme: str = "https",
        seconds: float = 5,
    ) -> Answer:
        """One request, each from an address of its own unless `address` is given, so that no limit answers instead.

        Raises:
            Spent: the budget is used up. WritesOff: a method that may change state, where that is not allowed.
            Ended: the application is gone.
        """
        sent = list((headers or {}).items())
        if json is not None:
            body = json_module.dumps(json).encode()
            sent.append(("content-type", "application/json"))
        elif form is not None:
            body = urlencode(form).encode()
            sent.append(("content-type", "application/x-www-form-urlencoded"))
        made = Sent(method, path, query, tuple(sent), body, repeat)
        return await self.transmit(made, by=by, address=address, scheme=scheme, seconds=seconds)

    async def transmit(
        self, sent: Sent, *, by: Identity | None = None, address: str = "", scheme: str = "https", seconds: float = 5
    ) -> Answer:
        """Send a prepared request, with the credentials of `by`; raises as `send` does."""
        if sent.method not in _SAFE and not self.writes:
            raise WritesOff
        headers = [*sent.headers, *(by.headers if by is not None else ())]
        names = {name.lower() for name, _ in headers}
        length = len(sent.body) * sent.repeat
        if "host" not in names:
            headers.insert(0, ("host", self.host))
        if length and not names & {"content-length", "transfer-encoding"}:
            headers.append(("content-length", str(length)))
        self._spend()
        said = self.loaded.ask(
            {
                "do": "request", "method": sent.method, "path": sent.path, "query": sent.query, "headers": headers,
                "body": base64.b64encode(sent.body).decode(), "repeat": sent.repeat, "timeout": seconds,
                "client": self._client(address), "scheme": scheme,
            },
            seconds=seconds + 15,
        )  # fmt: skip
        if "broken" in said:
            return Answer(replace(sent, headers=tuple(headers)), 0, raised=said["broken"])
        answer = Answer(
            replace(sent, headers=tuple(headers)),
            said["status"],
            tuple((str(name), str(value)) for name, value in said["headers"]),
            base64.b64decode(said["body"]),
            said["seconds"],
            said["cpu"],
            said["raised"],
            said["taken"],
        )
        if answer.all("set-cookie") and len(self.cookies) < _COOKIES:
            self.cookies.append(answer)
        return answer

    async def connect(
        self, path: str, *, query: str = "", headers: Mapping[str, str] | None = None, by: Identity | None = None
    ) -> bool:
        """Whether a WebSocket opens; it is closed at once."""
        self._spend()
        sent = [("host", self.host), *(headers or {}).items(), *(by.headers if by is not None else ())]
        said = self.loaded.ask(
            {"do": "websocket", "path": path, "query": query, "headers": sent, "client": self._client("")}, seconds=20
        )
        return bool(said.get("accepted"))

    async def attempt(
        self,
        route: Route,
        method: str = "",
        *,
        values: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        by: Identity | None = None,
        address: str = "",
    ) -> Answer:
        """A request that fits the route, as far as its description tells; raises as `send` does."""
        sent = self.request(route, method or self.method(route), values=values, body=body)
        sent = replace(sent, headers=(*sent.headers, *(headers or {}).items()))
        return await self.transmit(sent, by=by, address=address)

    async def closed(self) -> list[Closed]:
        """The routes that tell whether credentials are believed: GET, closed to strangers, open to the first account."""
        if self._closed is None:
            self._closed = []
            who = self.identities[0] if self.identities else None
            for route in self.routes if who is not None else ():
                if route.kind != "http" or "GET" not in route.methods or "log" in route.path.rpartition("/")[2]:
                    continue
                sent = self.request(route, "GET", values=who.known if who is not None else None)
                stranger = await self.transmit(sent)
                if stranger.refused and stranger.status != 404:  # noqa: PLR2004 - that is nobody's
                    own = await self.transmit(sent, by=who)
                    if own.ok:
                        self._closed.append(Closed(route, sent, stranger, own))
        return self._closed

    def request(
        self,
        route: Route,
        method: str,
        *,
        values: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Sent:
        """A request that fits the route, without credentials."""
        operation = self.operation(route, method) or Operation(method, route.path, {}, Samples({}))
        return operation.request({**_defaults(route), **(values or {})}, body=body)

    def operation(self, route: Route, method: str = "") -> Operation | None:
        """What the OpenAPI document says of a route."""
        method = method or self.method(route)
        path = _plain(route.path)
        if not self._operations:
            self._operations = {(o.method, _plain(o.path)): o for o in reversed(self.operations)}
        return self._operations.get((method, path))

    def method(self, route: Route) -> str:
        """The method to ask a route with: GET where it has it."""
        return "GET" if "GET" in route.methods else next(iter(sorted(route.methods)), "GET")

    def may(self, route: Route) -> bool:
        """Whether the route can be asked at all."""
        return route.kind == "http" and bool(route.methods) and (self.writes or self.method(route) in _SAFE)

    def proof(self, text: str, *answers: Answer) -> Proof:
        """The exchanges as a proof, without secrets."""
        request = "\n\n".join(redacted(str(answer.sent), self.secrets) for answer in answers)
        answer = "\n\n".join(redacted(str(answer), self.secrets) for answer in answers)
        return Proof("attack", text, request, answer)

    def place(self, route: Route | None = None) -> Place:
        """Where to put a finding: the handler, or the application where it has none of the project's own."""
        return route.place if route is not None else self.application.place

    def described(self, route: Route) -> Mapping[str, Any]:
        """What the agent said of the route; empty for one that was not loaded."""
        if not self._described:
            for each in self.loaded.description["routes"]:
                self._described.setdefault((each["kind"], each["path"]), []).append(each)
        same = self._described.get((route.kind, route.path), [])
        return next((each for each in same if route.methods <= set(each["methods"])), {})

    def _spend(self) -> None:
        if self.left <= 0:
            raise Spent
        self.left -= 1

    def _client(self, address: str) -> list[Any]:
        number = next(self._addresses)
        return [address or f"{_NETWORKS[number // 250 % 3]}.{number % 250 + 1}", 40_000 + number % 20_000]


def _plain(path: str) -> str:
    # OpenAPI leaves out the convertor of `{path:path}`.
    return _CONVERTOR.sub("}", path)


def _defaults(route: Route) -> dict[str, Any]:
    kinds = {"uuid": "00000000-0000-4000-8000-000000000001", "str": "visitor", "int": 1, "float": 1}
    return {
        parameter.name: next((value for kind, value in kinds.items() if kind in parameter.annotation.lower()), 1)
        for parameter in route.parameters
        if parameter.source == "path"
    }
