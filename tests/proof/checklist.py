"""The guide's checklist as questions: each takes what it judges, and raises AssertionError when the line does not hold."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import bcrypt
import httpx2
import pytest

from fastness.controls.passwords import Match
from fastness.core.errors import Refused
from house.test_audit import BAD, audit

ORIGIN, EVIL = "https://app.example.com", "https://evil.example"
PASSWORD = "violet teapot under the stairs"
"""In no corpus of hostile texts: those are sent as a Host too, which is logged."""
HEADERS = {
    "content-security-policy": r"frame-ancestors 'none'",
    "x-content-type-options": r"^nosniff$",
    "x-frame-options": r"^DENY$",
    "referrer-policy": r"^no-referrer$",
    "permissions-policy": r"camera=\(\).*microphone=\(\)",
    "cross-origin-opener-policy": r"^same-origin$",
    "cross-origin-resource-policy": r"^same-origin$",
    "cache-control": r"no-store",
    "strict-transport-security": r"^max-age=63072000; includeSubDomains$",
}


class Hasher(Protocol):
    """What hashes passwords."""

    async def hash(self, password: str) -> str: ...

    async def check(self, given: str, stored: str | None) -> Match: ...


@asynccontextmanager
async def visitor(app: Any) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="https://localhost") as http:
        yield http


async def line_01_passwords(passwords: Hasher) -> None:
    """Argon2id at the OWASP minimum in bcrypt's place, and a bcrypt hash is upgraded at sign-in."""
    stored = await passwords.hash(PASSWORD)
    cost = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$", stored)
    assert cost is not None, "not argon2id"
    assert int(cost[1]) >= 19_456
    assert int(cost[2]) >= 2
    assert (await passwords.check(PASSWORD, stored)).ok
    assert not (await passwords.check(PASSWORD + "!", stored)).ok
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds=12)).decode()
    match = await passwords.check(PASSWORD, old)
    assert match.ok
    assert (match.new_hash or "").startswith("$argon2id$"), "the bcrypt hash stays"
    assert not (await passwords.check("x" * 72 + PASSWORD, old)).ok


async def line_01_tokens(app: Any, good: str) -> None:
    """A bearer JWT opens `/me`; nothing and a forgery do not."""
    head, claims, _ = good.split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode()).decode().rstrip("=")
    async with visitor(app) as http:
        opened = await http.get("/me", headers={"Authorization": f"Bearer {good}"})
        assert opened.status_code == 200
        for forged in (f"{unsigned}.{claims}.", f"{head}.{claims}.", f"{head}.{claims}.{'A' * 43}"):
            refused = await http.get("/me", headers={"Authorization": f"Bearer {forged}"})
            assert refused.status_code == 401, "a forged token opens the route"
            assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        anonymous = await http.get("/me")
        assert (anonymous.status_code, anonymous.headers["www-authenticate"]) == (401, "Bearer")


async def line_02(app: Any, *, user: str, admin: str) -> None:
    """`DELETE /users/1` is for administrators."""
    async with visitor(app) as http:
        statuses = [
            (await http.delete("/users/1", headers=headers)).status_code
            for headers in ({}, {"Authorization": f"Bearer {user}"}, {"Authorization": f"Bearer {admin}"})
        ]
    assert statuses == [401, 403, 204]


async def line_03(app: Any) -> None:
    """`POST /register` takes what it says and nothing else."""
    good = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
    bad: list[Mapping[str, Any]] = [
        {"role": "admin"}, {"is_active": True}, {"email": "ada"}, {"email": "Ada <ada@example.com>"}, {"email": 1},
        {"password": "x" * 257}, {"password": ""}, {"password": None}, {"name": "x" * 101}, {"name": "a\u202eb"},
        {"name": "\x00"}, {"name": ["Ada"]},
    ]  # fmt: skip
    async with visitor(app) as http:
        assert (await http.post("/register", json=good)).status_code == 200
        for change in bad:
            answer = await http.post("/register", json={**good, **change})
            assert answer.status_code == 422, f"{change} is accepted"


async def line_04(app: Any) -> None:
    """`GET /users` has bounds on every query parameter."""
    async with visitor(app) as http:
        assert (await http.get("/users?page=2&limit=50&search=ada")).status_code == 200
        for query in (
            "page=0", f"page={10**30}", "page=-1", "limit=0", "limit=101", "limit=1&limit=100", f"search={'x' * 101}",
            "search=%00", "page=10000&limit=100", "role=admin", "page=1e3", "page=",
        ):  # fmt: skip
            assert (await http.get(f"/users?{query}")).status_code == 422, f"{query} is accepted"


def line_05(find: Callable[[str, str], Sequence[str]]) -> None:
    """`find(search, sort)` over the names ada, bob and 100% treats both as data."""
    assert find("ad", "name") == ["ada"]
    assert find("%", "name") == ["100%"], "a wildcard passes"
    assert find("_", "-name") == [], "a wildcard passes"
    for search in ("' OR '1'='1", "x' UNION SELECT secret FROM vault --", "ada'; DROP TABLE people; --"):
        assert find(search, "name") == [], "SQL passes"
    for sort in ("(SELECT secret FROM vault)", "name; DROP TABLE people", "random()", "secret"):
        with pytest.raises(Refused):
            find("a", sort)


async def line_06(app: Any) -> None:
    """One named origin may read answers, errors too; strangers may not, and ask in vain."""
    ask = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"}
    async with visitor(app) as http:
        for path in ("/open", "/me", "/nowhere", "/fails"):
            ours = await http.get(path, headers={"Origin": ORIGIN})
            assert ours.headers.get("access-control-allow-origin") == ORIGIN, f"{path} cannot be read"
            for origin in (EVIL, "null", f"{ORIGIN}.evil.example", "http://app.example.com"):
                theirs = await http.get(path, headers={"Origin": origin})
                assert "access-control-allow-origin" not in theirs.headers, f"{origin} may read {path}"
        allowed = await http.options("/open", headers={"Origin": ORIGIN, **ask})
        assert allowed.headers.get("access-control-allow-origin") == ORIGIN
        foreign = await http.options("/open", headers={"Origin": EVIL, **ask})
        assert "access-control-allow-origin" not in foreign.headers
        assert foreign.status_code == 403


async def line_07(app: Any, token: str) -> None:
    """`POST /login` is 5/minute by address, `POST /ai/generate` 10/hour by user, counted exactly."""
    async with visitor(app) as http:
        logins = [await http.post("/login", headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(6)]
        spelled = ("Bearer", "bearer", "BEARER", "Bearer ")
        dear = [
            await http.post("/ai/generate", headers={"Authorization": f"{spelled[n % 4]} {token}"}) for n in range(11)
        ]
    for answers in (logins, dear):
        assert [answer.status_code for answer in answers] == [200] * (len(answers) - 1) + [429]
        assert int(answers[-1].headers["retry-after"]) >= 1


async def line_08(app: Any) -> None:
    """Every answer carries every header: success, each kind of refusal, a crash and a preflight."""
    ask = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    asked: list[tuple[int, str, str, dict[str, Any]]] = [
        (200, "GET", "/open", {}),
        (401, "GET", "/me", {}),
        (404, "GET", "/nowhere", {}),
        (405, "DELETE", "/open", {}),
        (413, "POST", "/register", {"content": b'"' + b"x" * 1_100_000 + b'"'}),
        (422, "POST", "/register", {"json": {}}),
        (500, "GET", "/fails", {}),
        *[(200, "POST", "/login", {})] * 5,
        (429, "POST", "/login", {}),
        (204, "OPTIONS", "/open", {"headers": ask}),
    ]
    async with visitor(app) as http:
        for expected, method, path, more in asked:
            answer = await http.request(method, path, **more)
            assert answer.status_code == expected, (method, path)
            missing = [n for n, value in HEADERS.items() if not re.search(value, answer.headers.get(n, ""))]
            assert missing == [], f"{method} {path} {expected}"


def line_09(start: Callable[[Mapping[str, str]], str]) -> None:
    """`start(environment)` gives the text that stops the start: it names the variable and never the value."""
    strong = "qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"
    assert start({"FASTNESS_SECRET": strong}) == ""
    for name, value in (
        ("FASTNESS_SECRET", "short-hunter2"),
        ("FASTNESS_SECRET", "your-256-bit-secret"),
        ("FASTNESS_SECRET", "hunter2" * 8),
        ("FASTNESS_BODY__MAX_BYTES", "hunter2"),
        ("FASTNESS_SECERT", strong + "hunter2"),
    ):
        text = start({"FASTNESS_SECRET": strong, name: value})
        assert name in text, f"{name} is accepted"
        assert value not in text
        assert "hunter2" not in text


async def line_10(app: Any) -> None:
    """A crash and bad input are answered with a stable code and the request id, and nothing of what was inside."""
    async with visitor(app) as http:
        crash = await http.get("/fails", headers={"Accept": "text/html"})
        bad = await http.post("/register", json={"password": "hunter2", "name": ["hunter2"], "role": "hunter2"})
    for answer, status, code in ((crash, 500, "internal_error"), (bad, 422, "invalid_input")):
        assert "hunter2" not in answer.text, "an answer tells what was inside"
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def line_11(folder: Path, *, advisories: str, pipeline: str) -> None:
    """The pipeline audits every pinned package, and a known-bad pin is red and named."""
    (step,) = re.findall(r"(?m)^step audit .*tools/audit\.py (.+)$", pipeline) or [""]
    assert step.split() == ["requirements/dev.txt", "requirements/run.txt"], "no audit step"
    code, said = audit(folder, BAD, advisories=advisories)
    assert "not audited" not in said, "nobody looked"
    assert code == 1
    assert "python-jose 3.3.0: PYSEC-2024-232" in said
