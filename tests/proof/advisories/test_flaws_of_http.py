"""Requests that a server, a parser and the application would read differently, or that cost more than they weigh."""

# No `from __future__ import annotations`: FastAPI could not resolve the models of the functions below.

import base64
import json
import re
import time
import tomllib
from pathlib import Path
from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI, Form, Request
from packaging.requirements import Requirement
from packaging.version import Version
from starlette.staticfiles import StaticFiles

from accounts.serving import PASSWORD, serving
from by_hand import LOCAL, ask
from fastness import Settings, public, secure
from proof.advisories.advisory import ROOT, Removal, advisory, package
from proof.advisories.front import listening, protected, said, visiting
from proof.corpora import strings
from token_forge import ATTACKS

pytestmark = pytest.mark.anyio

SERVERS = pytest.mark.parametrize("http", ["h11", "httptools"])
LARGE = 1_100_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
BODY = "controls/body.py"


def floor(name: str) -> Version:
    """The lowest version of a package that we let anybody install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    (found,) = {Requirement(line).specifier for line in every if Requirement(line).name == name}
    return min(Version(each.version) for each in found if each.operator == ">=")


def lowered(name: str, now: str, before: str) -> Removal:
    """The floor as somebody in a hurry would write it."""
    return Removal("pyproject.toml", f'"{name}>={now}"', f'"{name}>={before}"')


def forms() -> FastAPI:
    """One route that reads a form, and says how many bytes it got."""
    app = FastAPI()
    secure(app, Settings(environment="development"))

    @app.post("/form")
    @public("a form")
    async def form(a: Annotated[str, Form()]) -> int:
        return len(a)

    @app.post("/raw")
    @public("bytes")
    async def raw(request: Request) -> int:
        return len(await request.body())

    return app


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


@advisory(74, "CVE-2024-24762", without=[lowered("python-multipart", "0.0.31", "0.0.6")])
async def test_cve_2024_24762_a_content_type_is_read_in_no_time() -> None:
    cases = [c for c in json.loads((ATTACKS / "redos.json").read_text()) if c["target"] in {"content_type", "newlines"}]
    kinds = [c["prefix"] + c["repeat"] * (30_000 // len(c["repeat"])) + c["suffix"] for c in cases]
    kinds += [
        'application/x-www-form-urlencoded; !="' + "\\" * 30_000,
        "multipart/form-data; boundary=" + "\\" * 30_000,
    ]
    app = forms()

    assert floor("python-multipart") >= Version("0.0.7")
    for kind in kinds:
        took = []
        for _ in range(3):
            began = time.thread_time()
            reply = await ask(app, "POST", "/form", headers=[LOCAL, (b"content-type", kind.encode())], body=[b"a=1"])
            took.append(time.thread_time() - began)
        assert 200 <= reply.status < 500
        assert min(took) < 0.25, kind[:40]


@advisory(
    75,
    "CVE-2024-53981",
    "CVE-2026-42561",
    "CVE-2026-53539",
    "CVE-2026-53540",
    without=[lowered("python-multipart", "0.0.31", "0.0.18")],
)
async def test_cve_2024_53981_a_form_costs_what_it_weighs() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
    bodies: list[tuple[dict[str, str], bytes]] = [
        (MULTIPART, b"\r\n" * 500_000),
        (MULTIPART, b"\n" * 900_000 + part + b"\r\n1\r\n--x--"),
        (MULTIPART, part + b"X-H: v\r\n" * 100_000 + b"\r\n1\r\n--x--"),
        (MULTIPART, part + b"X-H: " + b"v" * 900_000 + b"\r\n\r\n1\r\n--x--"),
        (MULTIPART, part + b"\r\n1\r\n--x--" + b"y" * 900_000),
        (MULTIPART, part + b"Content-Length: -1\r\n\r\n1\r\n--x--"),
        (FORM, b";" * 900_000),
        (FORM, b"a=1;" * 200_000),
        (FORM, b"a=1&" * 200_000),
    ]
    app = forms()

    assert floor("python-multipart") >= Version("0.0.31")
    async with visiting(app) as http:
        for headers, body in bodies:
            began = time.thread_time()
            answer = await http.post("/form", content=body, headers=headers)
            took = time.thread_time() - began
            assert 200 <= answer.status_code < 500, body[:40]
            assert took < 2.0, body[:40]


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


def static(folder: Path) -> FastAPI:
    """A folder served under /static, and a secret beside it."""
    (folder / "served").mkdir()
    (folder / "served" / "page.txt").write_text("a page\n" * 2_000)
    (folder / "secret.txt").write_text("canary-secret")
    (folder / "served-not").mkdir()
    (folder / "served-not" / "secret.txt").write_text("canary-secret")
    app = FastAPI()
    secure(app, Settings(environment="development"), public={"/static": "pages"}, limits=False)
    app.mount("/static", StaticFiles(directory=folder / "served"))
    return app


@advisory(78, "CVE-2025-62727", without=[lowered("starlette", "1.3.1", "0.40")])
async def test_cve_2025_62727_a_thousand_ranges_cost_no_more_than_one(tmp_path: Path) -> None:
    app = static(tmp_path)

    assert floor("starlette") >= Version("0.49.1")
    for ranges in (
        "0-1," * 10_000,
        ",".join(f"{n}-{n + 1}" for n in range(0, 8_000, 3)),
        "-1," * 10_000,
        "0-," * 5_000,
    ):
        began = time.thread_time()
        reply = await ask(
            app, "GET", "/static/page.txt", headers=[LOCAL, (b"range", f"bytes={ranges.strip(',')}".encode())]
        )
        assert reply.status < 500
        assert time.thread_time() - began < 0.5
        assert len(reply.body) < 2_000_000


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


@advisory(80, "CVE-2023-29159", without=[lowered("starlette", "1.3.1", "0.26")])
async def test_cve_2023_29159_nothing_beside_a_served_folder_is_served(tmp_path: Path) -> None:
    app = static(tmp_path)
    paths = [text.decode("utf-8", "replace") for text in strings("path_traversal.txt")[:1_500]]
    paths += ["../secret.txt", "..%2fsecret.txt", "....//secret.txt", "../served-not/secret.txt", "..\\secret.txt"]
    paths += [path.replace("etc/passwd", "secret.txt") for path in paths if "etc/passwd" in path]

    assert floor("starlette") >= Version("0.27")
    for path in paths:
        for given in (path, f"/{path}", f"../served-not/{path}"):
            reply = await ask(app, "GET", f"/static/{given}")
            assert b"canary" not in reply.body, given
            assert reply.status < 500


@advisory(81, "CVE-2025-43859", without=[lowered("h11", "0.16", "0.14")])
@SERVERS
def test_cve_2025_43859_no_chunk_ends_where_it_likes(http: str) -> None:
    cases = [case for case in json.loads((ATTACKS / "raw_http.json").read_text()) if case["class"].startswith("chunk ")]
    hidden = b"GET /me HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    bodies = [head + b"5\r\nhelloXX" + end + b"0\r\n\r\n" + hidden for end in (b"", b"\r\n", b"AB")]
    bodies += [
        base64.b64decode(case["raw_b64"]).replace(b"{path}", b"/raw").replace(b"{host}", b"localhost") for case in cases
    ]

    assert floor("h11") >= Version("0.16")
    with listening(forms(), http=http) as where:
        for body in bodies:
            answer = said(where, body, patience=0.5, half_close=False)
            final = [int(status) for status in re.findall(rb"HTTP/1\.[01] ([2-5]\d\d)", answer)]
            assert len(final) <= 1, body[:120]
            assert all(status < 500 for status in final)
        assert said(where, b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")[9:12] == b"404"


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
