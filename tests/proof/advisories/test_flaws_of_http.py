"""Requests that a server, a parser and the application would read differently, or that cost more than they weigh."""

# No `from __future__ import annotations`: FastAPI could not resolve the models of the functions below.

import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from packaging.version import Version

from accounts.serving import PASSWORD, serving
from by_hand import LOCAL, ask, http_scope
from fastness.controls.cookies import SessionCookie
from fastness.core.exchange import Exchange
from proof.advisories.advisory import advisory, floor, package
from proof.advisories.front import forms, listening, protected, said

pytestmark = pytest.mark.anyio

SERVERS = pytest.mark.parametrize("http", ["h11", "httptools"])
LARGE = 1_100_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
BODY = "controls/body.py"


@advisory(
    73,
    "CVE-2021-32677",
    without=[package("accounts/app.py", "redirect_slashes=False", "redirect_slashes=False, strict_content_type=False")],
)
async def test_cve_2021_32677_json_is_read_only_where_it_says_so(tmp_path: Path) -> None:
    body = json.dumps({"email": "ada@example.com", "password": PASSWORD}).encode()
    foreign = ["text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data"]
    foreign += ["", "application/", "application/jsonp", "text/json", "application/octet-stream", "*/*", "json"]

    async with serving(f"sqlite:///{tmp_path}/accounts.db") as served:
        await served.account()
        for kind in (*foreign, None):
            headers = [LOCAL] if kind is None else [LOCAL, (b"content-type", kind.encode())]
            for cookie in ([], [(b"cookie", b"__Host-session=x; session=x")]):
                reply = await ask(served.app, "POST", "/auth/login", headers=[*headers, *cookie], body=[body])
                assert 400 <= reply.status < 500, kind
        for kind in ("application/json", "application/json; charset=utf-8", "application/JSON"):
            given = [LOCAL, (b"content-type", kind.encode())]
            assert (await ask(served.app, "POST", "/auth/login", headers=given, body=[body])).status == 200, kind


@advisory(
    77,
    "CVE-2023-30798",
    "CVE-2024-47874",
    without=[
        package(BODY, "        if read > limit:\n            # FastAPI", "        if read < 0:\n            # FastAPI"),
        package(BODY, "if len(announced) > _DIGITS or int(announced) > limit:", "if len(announced) > _DIGITS:"),
    ],
)
@SERVERS
def test_cve_2023_30798_a_form_of_any_number_of_fields_meets_the_body_limit(http: str) -> None:
    fields = b"&".join(b"f%d=1" % number for number in range(150_000)) + b"&a=1"
    file = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"v" * LARGE + b"\r\n--x--"

    with listening(forms(), http=http) as where, httpx2.Client(base_url=f"http://{where[0]}:{where[1]}") as client:
        for headers, body in ((FORM, fields), (MULTIPART, file)):
            whole = client.post("/form", content=body, headers=headers)
            assert (whole.status_code, whole.json()["code"]) == (413, "body_too_large")
            # Without a length the form parser may count its fields sooner than we count bytes.
            unsaid = client.post("/form", content=iter([body[:1000], body[1000:]]), headers=headers)
            assert unsaid.status_code in ({400, 413} if headers is FORM else {413})


@advisory(
    79,
    "CVE-2026-48710",
    without=[
        package("controls/hosts.py", "if not self._allows(host):", "if not host:"),
    ],
)
@SERVERS
def test_cve_2026_48710_a_host_decides_no_path(http: str) -> None:
    app, _ = protected()
    hosts = ["localhost/open?", "localhost/open#", "localhost:80/open?x=", "evil.example", "localhost@evil.example"]
    hosts += ["localhost\\open", "localhost:99999", "localhost:", "[::1", "a b", "", "localhost,evil.example"]

    assert floor("starlette") >= Version("1.0.1")
    with listening(app, http=http) as where:
        for host in hosts:
            for path in ("/me", "/open"):
                answer = said(where, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                assert answer[9:12] == b"400", (host, path)
                assert b"evil.example" not in answer
        good = said(where, b"GET /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert good.endswith(b'"/open"')


async def _gone() -> dict[str, Any]:
    return {"type": "http.disconnect"}


@advisory(
    82,
    "CVE-2025-14550",
    "CVE-2026-84429",
    without=[
        package(
            "core/exchange.py",
            "return len(raw) != len(self.headers) and sum(1 for key, _ in raw if key == name) > 1",
            "return any(sum(1 for key, _ in raw if key == name) > 1 for _ in raw)",
        )
    ],
    also=[
        [
            package(
                "controls/cookies/cookie.py",
                'raw = b"; ".join(value for key, value in exchange.scope["headers"] if key == b"cookie")\n',
                'raw = b""\n'
                '        for _, value in exchange.scope["headers"]:\n'
                '            raw = raw + b"; " + value\n',
            )
        ]
    ],
)
async def test_cve_2025_14550_repeated_headers_are_read_once() -> None:
    app, _ = protected(limits=False)

    async def took(count: int, name: bytes) -> float:
        headers = [LOCAL, *((name, b"v") for _ in range(count))]
        best = []
        for _ in range(3):
            began = time.thread_time()
            reply = await ask(app, "GET", "/open", headers=headers)
            best.append(time.thread_time() - began)
            assert reply.status < 500
        return min(best)

    # No server lets that many in; here nothing stands before what reads them. Few first: too many would never come back.
    cookies = SessionCookie()
    for count in (4_000, 30_000, 100_000):
        for name in (b"cookie", b"x-same"):
            many = Exchange(
                http_scope(headers=[(name, b"a=" + b"v" * 30)] * count + [(b"cookie", b"__Host-session=x")]), _gone
            )
            began = time.thread_time()
            assert many.repeated(name)
            assert cookies.read(many) == b"x"
            assert time.thread_time() - began < 0.5, (count, name)
    for name in (b"x-same", b"cookie", b"x-forwarded-for", b"accept"):
        assert await took(8_000, name) < 0.1, name


@advisory(
    83,
    "CVE-2026-33034",
    "CVE-2026-5766",
    without=[
        package(BODY, "        if read > limit:\n            # FastAPI", "        if read < 0:\n            # FastAPI")
    ],
)
@SERVERS
def test_cve_2026_33034_the_body_is_counted_whatever_it_announces(http: str) -> None:
    body = b"a=" + b"v" * LARGE
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:600_000], body[600_000:])) + b"0\r\n\r\n"
    head = b"POST /%b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"

    with listening(forms(), http=http) as where:
        for path in (b"form", b"raw"):
            answer = said(where, head % path + b"Transfer-Encoding: chunked\r\n\r\n" + chunked)
            assert answer[9:12] == b"413", (path, answer[:200])
            lying = said(where, head % path + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked)
            assert lying[9:12] in {b"413", b"400"}, (path, lying[:200])
