"""What is written down: private answers in caches, forged log lines, shared keys, readable files."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from accounts.serving import PASSWORD, bearer, serving
from by_hand import LOCAL, ask
from fastness import Settings, public
from fastness.accounts.mail import FileMailer, Mail
from fastness.controls.sealing import BrokenSeal, Sealer
from fastness.controls.security_events import SecurityEvents
from fastness.controls.tokens import TokenKeys
from fastness.core.events import Event, EventType
from fastness.core.keys import KeyRing
from proof.advisories.advisory import advisory, package
from proof.advisories.front import protected, visiting
from token_forge import ATTACKS

pytestmark = pytest.mark.anyio

SECRET = "qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"


@advisory(
    86,
    "CVE-2026-35193",
    "CVE-2026-48588",
    "CVE-2026-113593",
    without=[
        package(
            "controls/headers.py",
            'default="no-store", description="Cache-Control',
            'default="", description="Cache-Control',
        )
    ],
)
async def test_cve_2026_35193_no_private_answer_is_kept_by_a_cache(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/accounts.db") as served:
        await served.account("root@example.com", role="admin")
        tokens = await served.login("root@example.com")
        headers = bearer(tokens)
        asked: list[tuple[str, str, dict[str, Any]]] = [
            ("GET", "/profile", {"headers": headers}),
            ("HEAD", "/profile", {"headers": headers}),
            ("GET", "/users", {"headers": headers}),
            ("GET", "/profile", {}),
            ("GET", "/profile", {"headers": {**headers, "If-None-Match": "*", "If-Modified-Since": "x"}}),
            ("PATCH", "/profile", {"headers": headers, "json": {}}),
            ("POST", "/auth/login", {"json": {"email": "root@example.com", "password": "wrong, long enough"}}),
            ("POST", "/auth/refresh", {"json": {"refresh_token": tokens["refresh_token"]}}),
            ("GET", "/nowhere", {"headers": headers}),
        ]
        for method, path, more in asked:
            answer = await served.client.request(method, path, **more)
            assert "no-store" in answer.headers.get("cache-control", ""), (method, path, answer.status_code)
        page = {"origin": "https://localhost", "sec-fetch-site": "same-origin"}
        given = {"email": "root@example.com", "password": PASSWORD}
        entered = await served.client.post("/auth/login?mode=cookie", json=given, headers=page)
        private = await served.client.get("/profile")
        assert (entered.status_code, private.status_code) == (200, 200)
        assert "set-cookie" in entered.headers
        assert [entered.headers["cache-control"], private.headers["cache-control"]] == ["no-store"] * 2


@advisory(
    86,
    "CVE-2026-35193",
    without=[
        package(
            "controls/headers.py",
            'default="no-store", description="Cache-Control',
            'default="", description="Cache-Control',
        )
    ],
    also=[
        [
            package(
                "controls/headers.py",
                "            adding = tuple(header for header in adding if header[0] not in own)\n",
                "            del own\n",
            )
        ],
        [package("controls/cors/element.py", "            headers.append(_VARY)\n", "            pass\n")],
    ],
    crashes=["RuntimeError"],
)
async def test_cve_2026_35193_an_error_is_kept_by_no_cache_and_a_page_as_it_says() -> None:
    app, _ = protected(
        settings=Settings.model_validate(
            {"environment": "development", "cors": {"origins": ["https://app.example.com"]}}
        )
    )

    @app.get("/broken")
    @public("breaks")
    async def broken() -> None:
        raise RuntimeError("a failure of the application")

    @app.get("/picture")
    @public("the same for everybody")
    async def picture(response: Response) -> str:
        response.headers["cache-control"] = "public, max-age=60"
        return "a picture"

    async with visiting(app) as http:
        answers = {path: await http.get(path) for path in ("/me", "/open", "/broken", "/picture", "/nowhere")}

    assert [answers[path].status_code for path in answers] == [401, 200, 500, 200, 404]
    kept = {path: answer.headers.get_list("cache-control") for path, answer in answers.items()}
    assert kept.pop("/picture") == ["public, max-age=60"]
    assert [path for path, values in kept.items() if values != ["no-store"]] == []
    # Whoever may read an answer depends on the page that asks: a cache in between has to know.
    assert [path for path, answer in answers.items() if "origin" not in answer.headers.get("vary", "").lower()] == []


@pytest.fixture
def lines() -> Iterator[list[list[str]]]:
    """What the security log holds, as a collector would read it: each event formatted, split at line feeds."""
    found: list[list[str]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(self.format(record).splitlines())

    log, handler = logging.getLogger("fastness.events"), Collector()
    log.addHandler(handler)
    yield found
    log.removeHandler(handler)


@advisory(
    87,
    "CVE-2025-48432",
    without=[
        package(
            "controls/security_events/sink.py",
            "if v is not None}, sort_keys=True, allow_nan=False)",
            'if v is not None}, sort_keys=True, allow_nan=False).replace("\\\\n", "\\n").replace("\\\\r", "\\r")',
        ),
        package("controls/security_events/redaction.py", "if not kept.isprintable():", "if not kept:"),
    ],
)
async def test_cve_2025_48432_one_event_is_one_line_whatever_is_in_the_path(lines: list[list[str]]) -> None:
    cases: list[dict[str, str]] = json.loads((ATTACKS / "log_injection.json").read_text())
    app, _ = protected(settings=Settings(environment="development"), limits=False)
    sent = 0

    for number, case in enumerate(cases):
        value = case["value"].encode("utf-8", "surrogatepass")
        headers = [LOCAL, (b"user-agent", value), (b"referer", value), (b"x-request-id", value)]
        headers += [(b"authorization", b"Bearer " + value)]
        lines.clear()
        await ask(app, "GET", "/" + case["value"], headers=headers, client=(f"192.0.2.{number % 250}", 5))
        await ask(app, "GET", "/me", headers=headers, client=(f"192.0.2.{number % 250}", 5))
        SecurityEvents()(
            Event(EventType.AUTHN_LOGIN_FAIL, who=case["value"], reason=case["value"], details={"path": case["value"]})
        )
        sent += len(lines)
        assert [one for one in lines if len(one) != 1] == [], "an event broke into lines"
        for (line,) in lines:
            record = json.loads(line)
            assert line.isascii()
            assert line.isprintable()
            assert {"event", "level", "appid"} <= set(record)
            assert all(len(str(text)) <= 1_100 for text in record.values())

    assert sent >= 2 * len(cases)


@advisory(
    88,
    "CVE-2026-6873",
    without=[
        package("core/keys.py", 'info, block, out = purpose.encode(), b"", b""', 'info, block, out = b"", b"", b""')
    ],
)
def test_cve_2026_6873_what_is_made_for_one_purpose_serves_no_other() -> None:
    ring = KeyRing([SECRET])
    purposes = ["limits", "accounts.throttle", "access tokens", "csrf", "a", "b", "ab", "a b", "", "sealing a", "a\0b"]
    keys = {purpose: ring.current(purpose) for purpose in purposes}
    sealed = Sealer(ring, "signing keys").seal(b"secret", bound_to=b"keys:1")

    assert len(set(keys.values())) == len(purposes)
    assert not any(one[: len(other)] == other for one in keys.values() for other in keys.values() if one is not other)
    for purpose, place in (("signing", b" keyskeys:1"), ("signing keys", b"keys:2"), ("signing keyskeys", b":1")):
        with pytest.raises(BrokenSeal):
            Sealer(ring, purpose).open(sealed, bound_to=place)
    kids = [TokenKeys.derived(ring, purpose).current.kid for purpose in ("access tokens", "verify", "reset", "mfa")]
    assert len(set(kids)) == len(kids)


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@advisory(
    91,
    "CVE-2026-25674",
    without=[
        package(
            "accounts/engine.py",
            "os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600",
            "os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666",
        )
    ],
)
async def test_cve_2026_25674_what_is_written_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with serving(f"sqlite:///{tmp_path}/accounts.db") as served:
            await served.account("ada@example.com")
            modes = modes_in(tmp_path)
        await FileMailer(tmp_path / "outbox", "a@example.com").send(Mail("b@example.com", "s", "t"))
    finally:
        os.umask(before)

    assert {"accounts.db", "accounts.db-wal", "accounts.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert list(modes_in(tmp_path / "outbox").values()) == [0o600]
    assert modes_in(tmp_path)["outbox"] == 0o700
