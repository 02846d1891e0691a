"""Where the corpora go: every field, form, query, path, header and token of the account service."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes, unquote

from accounts.serving import PASSWORD
from by_hand import LOCAL, Pair, Reply, ask

JSON, FORM = (b"content-type", b"application/json"), (b"content-type", b"application/x-www-form-urlencoded")
NOBODY = "/users/00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Asked:
    """One request as it is put to the application."""

    method: str = "GET"
    path: str = "/profile"
    headers: list[Pair] = field(default_factory=list)
    body: bytes = b""
    query: bytes = b""

    async def put(self, app: Any, **how: Any) -> Reply:
        async def queried(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "query_string": self.query}, receive, send)

        named = any(name == b"host" for name, _ in self.headers)
        headers = self.headers if named else [LOCAL, *self.headers]
        return await ask(queried, self.method, self.path, body=[self.body], headers=headers, **how)


Place = Callable[[bytes, int], Asked]


def in_json(method: str, path: str, field: str, /, **others: str) -> Place:
    def asked(attack: bytes, number: int) -> Asked:
        text = attack.decode("utf-8", "surrogateescape")
        given = {name: value.format(n=number) for name, value in others.items()}
        body = {**given, text if field == "*" else field: text}
        return Asked(method, path, [JSON], json.dumps(body).encode())

    return asked


def raw(method: str, path: str, kind: Pair = JSON) -> Place:
    return lambda attack, _: Asked(method, path, [kind], attack)


def in_form(**fields: str) -> Place:
    def asked(attack: bytes, number: int) -> Asked:
        given = {name: quote_from_bytes(attack) if value == "*" else value for name, value in fields.items()}
        pairs = [f"{name}={value.replace('{n}', str(number))}" for name, value in given.items()]
        return Asked("POST", "/auth/token", [FORM], "&".join(pairs).encode())

    return asked


def in_query(path: str, name: str, method: str = "GET", body: bytes = b"") -> Place:
    def asked(attack: bytes, _: int) -> Asked:
        return Asked(method, path, [JSON], body, f"{name}={quote_from_bytes(attack)}".encode())

    return asked


def in_path(method: str, before: str, after: str = "") -> Place:
    def asked(attack: bytes, _: int) -> Asked:
        # As a server gives it: percent-decoded UTF-8.
        return Asked(method, before + unquote(quote_from_bytes(attack)) + after)

    return asked


def in_header(name: bytes, prefix: bytes = b"") -> Place:
    # Not even CR and LF are taken out, which every server would have refused.
    return lambda attack, _: Asked(headers=[(name, prefix + attack)])


OURS, GET = (b"origin", b"https://app.example.com"), (b"access-control-request-method", b"GET")
SIGN_IN = json.dumps({"email": "nobody@example.com", "password": PASSWORD}).encode()
PLACES: dict[str, Place] = {
    "register email": in_json("POST", "/auth/register", "email", password=PASSWORD, name="Ada"),
    "register password": in_json("POST", "/auth/register", "password", email="r{n}@example.com", name="Ada"),
    "register name": in_json("POST", "/auth/register", "name", email="n{n}@example.com", password=PASSWORD),
    "register extra": in_json("POST", "/auth/register", "*", email="x{n}@example.com", password=PASSWORD, name="Ada"),
    "login email": in_json("POST", "/auth/login", "email", password=PASSWORD),
    "login password": in_json("POST", "/auth/login", "password", email="p{n}@example.com"),
    "login device": in_json("POST", "/auth/login", "device_token", email="d{n}@example.com", password=PASSWORD),
    "verify token": in_json("POST", "/auth/verify-email", "token"),
    "verify code": in_json("POST", "/auth/verify-email", "code", flow="abc"),
    "verify flow": in_json("POST", "/auth/verify-email", "flow", code="123456"),
    "resend email": in_json("POST", "/auth/verify-email/resend", "email"),
    "refresh token": in_json("POST", "/auth/refresh", "refresh_token"),
    "profile name": in_json("PATCH", "/profile", "name"),
    "account password": in_json("DELETE", "/account", "password"),
    "user name": in_json("PATCH", NOBODY, "name"),
    "user role": in_json("PATCH", NOBODY, "role"),
    "register body": raw("POST", "/auth/register"),
    "login body": raw("POST", "/auth/login"),
    "refresh body": raw("POST", "/auth/refresh"),
    "profile body": raw("PATCH", "/profile"),
    "user body": raw("PATCH", NOBODY),
    "token body": raw("POST", "/auth/token", FORM),
    "multipart body": raw("POST", "/auth/token", (b"content-type", b"multipart/form-data; boundary=x")),
    "grant type": in_form(grant_type="*", username="t{n}%40example.com", password="x"),
    "grant username": in_form(grant_type="password", username="*", password="x"),
    "grant password": in_form(grant_type="password", username="g{n}%40example.com", password="*"),
    "grant refresh": in_form(grant_type="refresh_token", refresh_token="*"),
    "query search": in_query("/users", "limit=5&search"),
    "query page": in_query("/users", "page"),
    "query limit": in_query("/users", "limit"),
    "query after": in_query("/users", "after"),
    "query unknown": in_query("/users", "limit=5&role"),
    "query mode": in_query("/auth/login", "mode", "POST", SIGN_IN),
    "path": in_path("GET", "/"),
    "path user": in_path("GET", "/users/"),
    "path delete": in_path("DELETE", "/users/"),
    "path suspend": in_path("POST", "/users/", "/suspend"),
    "token": in_header(b"authorization", b"Bearer "),
    "authorization": in_header(b"authorization"),
    "cookie": lambda attack, _: Asked(
        "POST", "/auth/verify-email", [JSON, (b"cookie", b"__Host-flow=" + attack)], b'{"code":"123456"}'
    ),
    "host": in_header(b"host"),
    "origin": in_header(b"origin"),
    "preflight": lambda attack, _: Asked("OPTIONS", headers=[OURS, (b"access-control-request-method", attack)]),
    "preflight headers": lambda attack, _: Asked(
        "OPTIONS", headers=[OURS, GET, (b"access-control-request-headers", attack)]
    ),
    "user agent": in_header(b"user-agent"),
    "request id": in_header(b"x-request-id"),
    "forwarded for": in_header(b"x-forwarded-for"),
    "forwarded proto": in_header(b"x-forwarded-proto"),
    "content type": lambda attack, _: Asked("POST", "/auth/login", [(b"content-type", attack)], SIGN_IN),
    "content length": lambda attack, _: Asked("POST", "/auth/login", [JSON, (b"content-length", attack)], SIGN_IN),
    "header name": lambda attack, _: Asked(headers=[(attack.lower()[:200], b"127.0.0.1")]),
    "method": lambda attack, _: Asked(attack.decode("latin-1")[:50]),
}
CREDENTIALS = frozenset({"token", "authorization"})
