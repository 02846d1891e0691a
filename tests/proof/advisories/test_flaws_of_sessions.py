"""Cookies that another one shadows, requests that another page sends, answers that reach another caller."""

# No `from __future__ import annotations`: FastAPI could not resolve the models of the functions below.

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, HTTPException, UploadFile
from packaging.version import Version

from by_hand import LOCAL, ask
from fastness import Principal, Settings, public, secure
from fastness.core.file_name import UnsafeName, safe_file_name
from fastness.stores.redis import RedisStore
from proof.advisories.advisory import advisory, floor, package
from proof.advisories.front import listening, protected, said
from proof.corpora import strings
from redis_server import redis_server

pytestmark = pytest.mark.anyio


async def find(value: bytes) -> Principal | None:
    return Principal("ada", session="s1") if value == b"opaque" else None


def session(name: str = "__Host-session", value: str = "opaque") -> bytes:
    return f"{name}={value}".encode()


@advisory(
    73,
    "CVE-2021-32677",
    without=[package("controls/csrf/element.py", 'if source == "foreign":', 'if source == "nowhere":')],
)
async def test_cve_2021_32677_a_cookie_proves_nothing_for_another_page_whatever_the_content_type() -> None:
    app = FastAPI()
    secured = secure(app, Settings(environment="development"), cookies=find)
    done: list[Any] = []

    @app.post("/transfer")
    @public("tests the cookie, not the caller")
    async def transfer(given: dict[str, Any]) -> None:
        done.append(given)

    assert secured.browser.csrf is not None
    good = secured.browser.csrf._tokens.make("s1")
    kinds = ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
    pages: list[list[tuple[bytes, bytes]]] = [
        [(b"origin", b"https://evil.example")],
        [(b"origin", b"null")],
        [(b"sec-fetch-site", b"cross-site"), (b"origin", b"http://localhost")],
        [(b"sec-fetch-site", b"same-site"), (b"origin", b"https://sub.localhost")],
        [(b"origin", b"https://evil.example"), (b"x-csrf-token", good.encode())],
    ]
    for kind in kinds:
        for page in pages:
            headers = [LOCAL, (b"cookie", session()), (b"content-type", kind.encode()), *page]
            reply = await ask(app, "POST", "/transfer", headers=headers, body=[b'{"to":"eve"}'])
            assert (reply.status, reply.json["code"]) == (403, "cross_site_request"), (kind, page)

    assert done == []


@advisory(
    76,
    "CVE-2026-24486",
    without=[package("core/file_name.py", 'frozenset("/\\\\\\u2044', 'frozenset("\\u2044')],
)
def test_cve_2026_24486_no_uploaded_name_leaves_its_folder(tmp_path: Path) -> None:
    kept = tmp_path.resolve() / "kept"
    kept.mkdir()
    led: list[str] = []
    app = FastAPI()
    secure(app, Settings(environment="development"), limits=False)

    @app.post("/upload")
    @public("a form")
    async def upload(file: UploadFile) -> str:
        try:
            name = safe_file_name(file.filename or "")
        except UnsafeName as unsafe:
            raise HTTPException(422, str(unsafe)) from None
        # Never written where it leads: without the defence it is /etc/passwd of whoever runs this.
        if (kept / name).resolve().parent != kept:
            led.append(name)
            return "elsewhere"
        (kept / name).write_bytes(await file.read())
        return name

    names = [text.decode("utf-8", "replace") for text in strings("path_traversal.txt")[:300]]
    names += ["../evil.txt", "..\\evil.txt", "/etc/cron.d/evil", "C:\\evil.txt", "a/b.txt", "..%2fevil.txt", ".ssh"]
    names += ["%2e%2e%2fevil.txt", "..", ".", "con.txt", "a\x00.txt", "\uff0e\uff0e\uff0fevil.txt"]
    answers: dict[str, int] = {}
    with listening(app) as where, httpx2.Client(base_url=f"http://{where[0]}:{where[1]}") as client:
        for name in names:
            quoted = name.replace("\\", "\\\\").replace('"', "%22").replace("\r", " ").replace("\n", " ")
            body = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n\r\nevil\r\n--x--'
            headers = {"content-type": "multipart/form-data; boundary=x"}
            answers[name] = client.post("/upload", content=body.encode("utf-8", "replace"), headers=headers).status_code
        good = client.post("/upload", files={"file": ("Report 2026.pdf", b"good")})

    assert led == []
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != kept] == []
    assert {name: status for name, status in answers.items() if status not in {200, 400, 422}} == {}
    assert good.json() == "Report 2026.pdf"
    assert floor("python-multipart") >= Version("0.0.22")
    assert all(path.is_file() and not path.is_symlink() for path in kept.iterdir())
    for name in names:
        if "/" in name or "\\" in name:
            with pytest.raises(UnsafeName):
                safe_file_name(name)


@advisory(
    85,
    "CVE-2023-28858",
    "CVE-2023-28859",
    without=[
        package(
            "stores/wire.py",
            "                question, interpret, future = waiting.popleft()\n",
            "                while len(waiting) > 1 and waiting[0][2].cancelled():\n"
            "                    waiting.popleft()\n"
            "                question, interpret, future = waiting.popleft()\n",
        )
    ],
)
async def test_cve_2023_28858_every_answer_belongs_to_its_caller_though_others_hang_up(tmp_path: Path) -> None:
    callers, rounds = 200, 130
    wrong: list[object] = []
    cancelled = 0

    async def taking(store: RedisStore, name: str) -> None:
        found = await store.consume(name)
        if found != f"value of {name}":
            wrong.append((name, found))

    with redis_server(tmp_path, kind="valkey") as server:
        store = RedisStore(server.url, budget=20.0)
        for batch in range(rounds):
            names = [f"{batch}.{number}" for number in range(callers)]
            await asyncio.gather(*(store.put_once(name, f"value of {name}", ttl=60) for name in names))
            tasks = [asyncio.create_task(taking(store, name)) for name in names]
            await asyncio.sleep(0)  # every question is on its way
            for task in tasks[batch % 3 :: 3]:
                task.cancel()
            await asyncio.sleep(0)
            for task in tasks[1::8]:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            cancelled += sum(task.cancelled() for task in tasks)
        await store.close()

    assert wrong == []
    assert cancelled >= 10_000


@advisory(
    89,
    "CVE-2023-23934",
    # As Werkzeug read it: a cookie without a name is the one that its value spells.
    without=[package("controls/cookies/cookie.py", 'pair.strip(b" ").partition', 'pair.strip(b" =").partition')],
    also=[
        [
            package(
                "controls/cookies/cookie.py",
                'elif not key and value.lstrip(b"= ").startswith(name):',
                "elif not name:",
            )
        ]
    ],
)
def test_cve_2023_23934_a_nameless_cookie_does_not_pass_for_the_session() -> None:
    app, _ = protected(cookies=find)
    shadows = [b"=" + session(), b"==" + session(), b"= " + session(), b" =" + session(value="theirs")]

    with listening(app) as where:

        def status(cookie: bytes) -> bytes:
            request = b"GET /me HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookie + b"\r\nConnection: close\r\n\r\n"
            return said(where, request)[9:12]

        assert status(session()) == b"200"
        for shadow in shadows:
            assert status(shadow) == b"400", shadow
            assert status(shadow + b"; " + session()) == b"400", shadow
            assert status(session() + b"; " + shadow) == b"400", shadow
