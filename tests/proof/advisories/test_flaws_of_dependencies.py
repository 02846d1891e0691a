"""Flaws of what we build on: the repaired version is asked for, and what is installed behaves as repaired."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import re
import time
from pathlib import Path

import pytest
from fastapi import FastAPI
from packaging.version import Version
from python_multipart import parse_form
from python_multipart.multipart import QuerystringParser
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from by_hand import LOCAL, ask
from fastness import Settings, secure
from fastness.core.exchange import App, Receive, Scope, Send
from proof.advisories.advisory import advisory, floor, library, lowered, package
from proof.advisories.front import forms, listening, said, visiting
from proof.corpora import strings
from token_forge import ATTACKS

pytestmark = pytest.mark.anyio

MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
PARSER = "python_multipart/multipart.py"
OLD_OPTIONS = r"""    import re
    special = r'()<>@,;:\\"/\[\]?={} \t'
    quoted = r'"(?:\\.|[^"])*"'
    list(re.finditer(rf'(?:;|^)\s*([^{special}]+)\s*=\s*((?:[^{special}]+|{quoted}))', value))
    ctype, *segments = _parseparam(value)
"""
"""How python-multipart read options before 0.0.7."""


@advisory(
    74,
    "CVE-2024-24762",
    without=[library(PARSER, "    ctype, *segments = _parseparam(value)\n", OLD_OPTIONS)],
    also=[[lowered("python-multipart", "0.0.31", "0.0.6")]],
)
async def test_cve_2024_24762_a_content_type_is_read_in_no_time() -> None:
    cases = [c for c in json.loads((ATTACKS / "redos.json").read_text()) if c["target"] in {"content_type", "newlines"}]
    # Short ones first: they took a second, and the long ones would never have come back.
    kinds = ['application/x-www-form-urlencoded; !="' + "\\" * length for length in (36, 30_000)]
    kinds += [c["prefix"] + c["repeat"] * (30_000 // len(c["repeat"])) + c["suffix"] for c in cases]
    kinds += ["multipart/form-data; boundary=" + "\\" * 30_000]
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
    without=[
        library(
            PARSER,
            '                    i = data.find(b"-", i)\n',
            '                    self.logger.warning("Skipping")\n'
            '                    i = i + 1 if i + 1 < length and data[i + 1] in b"\\r\\n" else data.find(b"-", i)\n',
        )
    ],
    also=[
        [
            library(
                PARSER,
                "                i = length\n                break\n\n            else:  # pragma: no cover (error case)\n",
                '                self.logger.warning("Skipping data after last boundary")\n\n'
                "            else:  # pragma: no cover (error case)\n",
            )
        ],
        [lowered("python-multipart", "0.0.31", "0.0.17")],
    ],
)
async def test_cve_2024_53981_what_stands_around_a_form_is_not_read_byte_by_byte(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Short ones first: each byte was a line of log, and a million of them a minute.
    bodies = [
        b"\r\n" * 1_000,
        PART + b"\r\n1\r\n--x--" + b"y" * 1_000,
        b"\r\n" * 400_000,
        b"\n" * 900_000 + PART + b"\r\n1\r\n--x--",
        PART + b"\r\n1\r\n--x--" + b"y" * 900_000,
        PART + b"\r\n1\r\n--x--\r\n" + b"\r\n" * 400_000,
    ]
    caplog.set_level(logging.DEBUG)

    assert floor("python-multipart") >= Version("0.0.18")
    async with visiting(forms()) as http:
        for body in bodies:
            caplog.clear()
            began = time.thread_time()
            answer = await http.post("/form", content=body, headers=MULTIPART)
            took = time.thread_time() - began
            assert 200 <= answer.status_code < 500, body[:40]
            assert len(caplog.records) < 100, body[:40]
            assert took < 2.0, body[:40]


@advisory(
    75,
    "CVE-2026-42561",
    without=[library(PARSER, "DEFAULT_MAX_HEADER_COUNT = 8\n", "DEFAULT_MAX_HEADER_COUNT = 10**9\n")],
    also=[
        [library(PARSER, "DEFAULT_MAX_HEADER_SIZE = 4096 + 128\n", "DEFAULT_MAX_HEADER_SIZE = 10**9\n")],
        [lowered("python-multipart", "0.0.31", "0.0.18")],
    ],
)
async def test_cve_2026_42561_a_part_has_few_and_short_headers() -> None:
    heads = [b"X-H: v\r\n" * 100_000, b"X-H: " + b"v" * 900_000 + b"\r\n", b"X" * 900_000 + b": v\r\n"]

    assert floor("python-multipart") >= Version("0.0.31")
    async with visiting(forms()) as http:
        for head in heads:
            answer = await http.post("/form", content=PART + head + b"\r\n1\r\n--x--", headers=MULTIPART)
            assert answer.status_code == 400, head[:40]
        good = await http.post("/form", content=PART + b"X-H: v\r\n\r\n1\r\n--x--", headers=MULTIPART)
        assert good.status_code == 200


@advisory(
    75,
    "CVE-2026-53539",
    without=[
        library(
            PARSER,
            '                # look for the equal sign before it.\n                sep_pos = data.find(b"&", i, length)\n',
            '                sep_pos = data.find(b"&", i, length)\n'
            '                sep_pos = sep_pos if sep_pos != -1 else data.find(b";", i, length)\n',
        ),
        library(PARSER, "                if ch == AMPERSAND:\n", '                if ch in b"&;":\n'),
    ],
    also=[[lowered("python-multipart", "0.0.31", "0.0.29")]],
)
async def test_cve_2026_53539_a_semicolon_parts_no_fields() -> None:
    fields: list[bytes] = []
    app = forms()

    assert floor("python-multipart") >= Version("0.0.31")
    # To look for `&` and then for `;` at each field is quadratic where there is no `&`.
    for body in (b"a=1;" * 1_000, b"a=1;" * 200_000, b";" * 800_000, b"a;" * 400_000):
        parser = QuerystringParser({"on_field_end": lambda: fields.append(b"")})
        began = time.thread_time()
        parser.write(body)
        parser.finalize()
        assert len(fields) == 1, body[:10]
        assert time.thread_time() - began < 0.25, body[:10]
        fields.clear()
        kind = (b"content-type", b"application/x-www-form-urlencoded")
        assert (await ask(app, "POST", "/form", headers=[LOCAL, kind], body=[body])).status in {200, 422}


@advisory(
    75,
    "CVE-2026-53540",
    without=[package("controls/body.py", "if not announced.isdigit() or", "if")],
    also=[
        [library(PARSER, "        if content_length < 0:\n", "        if content_length is None:\n")],
        [lowered("python-multipart", "0.0.31", "0.0.29")],
    ],
)
async def test_cve_2026_53540_a_length_below_nothing_reads_nothing() -> None:
    app = forms()
    source = io.BytesIO(b"a=" + b"v" * 900_000)
    kind = "application/x-www-form-urlencoded"

    assert floor("python-multipart") >= Version("0.0.31")
    for path in ("/form", "/raw"):
        headers = [LOCAL, (b"content-type", kind.encode()), (b"content-length", b"-1")]
        reply = await ask(app, "POST", path, headers=headers, body=[b"a=1"])
        assert reply.status == 400, path
    with pytest.raises(ValueError, match="Content-Length"):
        parse_form({"Content-Type": kind.encode(), "Content-Length": b"-1"}, source, lambda _: None, lambda _: None)
    assert source.tell() == 0


def static(folder: Path) -> dict[str, App]:
    """A folder served under /static, and a secret beside it; by us, and by Starlette alone with no chain before it."""
    (folder / "served").mkdir()
    (folder / "served" / "page.txt").write_text("a page\n" * 2_000)
    (folder / "secret.txt").write_text("canary-secret")
    (folder / "served-not").mkdir()
    (folder / "served-not" / "secret.txt").write_text("canary-secret")
    app = FastAPI()
    secure(app, Settings(environment="development"), public={"/static": "pages"}, limits=False)
    app.mount("/static", StaticFiles(directory=folder / "served"))
    bare = Starlette()
    bare.mount("/static", StaticFiles(directory=folder / "served"))
    return {"secured": _sends_whole_files(app), "bare": _sends_whole_files(bare)}


def _sends_whole_files(app: App) -> App:
    # To an older server Starlette stops sending when the caller is gone, and a caller by hand is gone at once.
    async def sending(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "asgi": {"version": "3.0", "spec_version": "2.4"}}, receive, send)

    return sending


OLD_MERGE = """        result: list[tuple[int, int]] = []
        for start, end in ranges:
            for p in range(len(result)):
                p_start, p_end = result[p]
                if start > p_end:
                    continue
                elif end < p_start:
                    result.insert(p, (start, end))
                    break
                else:
                    result[p] = (min(start, p_start), max(end, p_end))
                    break
            else:
                result.append((start, end))
        return result
"""
"""How Starlette merged ranges before 0.49.1."""


@advisory(
    78,
    "CVE-2025-62727",
    without=[
        library(
            "starlette/responses.py", '        if range_.count(",") + 1 > cls.max_ranges:\n            return []\n', ""
        ),
        library(
            "starlette/responses.py",
            "        result: list[tuple[int, int]] = [ranges[0]]\n",
            OLD_MERGE + "        result: list[tuple[int, int]] = [ranges[0]]\n",
        ),
    ],
    also=[[lowered("starlette", "1.3.1", "0.40")]],
)
async def test_cve_2025_62727_a_thousand_ranges_cost_no_more_than_one(tmp_path: Path) -> None:
    apps = static(tmp_path)

    assert floor("starlette") >= Version("0.49.1")
    for ranges in (
        ",".join(f"{n}-{n}" for n in range(0, 2_000, 2)),  # the chain lets these through
        "0-1," * 10_000,
        ",".join(f"{n}-{n}" for n in range(0, 14_000, 2)),
        ",".join(f"{n}-{n + 1}" for n in range(0, 8_000, 3)),
        "-1," * 10_000,
        "0-," * 5_000,
    ):
        for name, app in apps.items():
            asked = [LOCAL, (b"range", f"bytes={ranges.strip(',')}".encode())]
            began = time.thread_time()
            reply = await ask(app, "GET", "/static/page.txt", headers=asked)
            assert reply.status < 500, name
            assert time.thread_time() - began < 0.5, name
            assert len(reply.body) < 50_000, name  # the page has 14,000; a head for each of the ranges would be more
    for name, app in apps.items():
        part = await ask(app, "GET", "/static/page.txt", headers=[LOCAL, (b"range", b"bytes=2-5")])
        assert (part.status, part.body) == (206, b"page"), name


@advisory(
    80,
    "CVE-2023-29159",
    without=[library("starlette/staticfiles.py", "if os.path.commonpath([", "if os.path.commonprefix([")],
    also=[[lowered("starlette", "1.3.1", "0.26")]],
)
async def test_cve_2023_29159_nothing_beside_a_served_folder_is_served(tmp_path: Path) -> None:
    apps = static(tmp_path)
    paths = [text.decode("utf-8", "replace") for text in strings("path_traversal.txt")[:1_500]]
    paths += ["../secret.txt", "..%2fsecret.txt", "....//secret.txt", "../served-not/secret.txt", "..\\secret.txt"]
    paths += [path.replace("etc/passwd", "secret.txt") for path in paths if "etc/passwd" in path]

    assert floor("starlette") >= Version("0.27")
    for app in apps.values():
        assert b"a page" in (await ask(app, "GET", "/static/page.txt")).body
    for path in paths:
        for given in (path, f"/{path}", f"../served-not/{path}"):
            secured = await ask(apps["secured"], "GET", f"/static/{given}")
            assert b"canary" not in secured.body, given
            assert secured.status < 500
            with contextlib.suppress(ValueError):  # Starlette alone lets the system say that a name cannot be one
                bare = await ask(apps["bare"], "GET", f"/static/{given}")
                assert b"canary" not in bare.body, given


@advisory(
    81,
    "CVE-2025-43859",
    without=[
        library(
            "h11/_readers.py",
            "            if data != self._bytes_to_discard[: len(data)]:\n",
            "            if not data:\n",
        )
    ],
    also=[[lowered("h11", "0.16", "0.14")]],
)
@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_cve_2025_43859_no_chunk_ends_where_it_likes(http: str) -> None:
    """Under httptools, which never had the flaw and is no Python, nothing can be put back: h11 alone is shown to fail."""
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
