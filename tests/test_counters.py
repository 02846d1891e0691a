"""`secure(app)` with the URL of a Redis: applications share one count, and the start says what is wrong with it."""

from __future__ import annotations

import asyncio
import multiprocessing
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI

from accounts.serving import running
from fastness.chain import Secured, secure
from fastness.controls.limits import FallbackStore, limit
from fastness.core.declare import public
from fastness.core.events import Event, EventType, silent
from fastness.core.store import Hit, Rate
from fastness.counters import Counters
from fastness.settings import Settings
from fastness.stores.redis import RedisAway
from redis_server import redis_server

pytestmark = [pytest.mark.anyio, pytest.mark.store]

SECRET = secrets.token_urlsafe(32)


def application(url: str, **settings: Any) -> tuple[FastAPI, Secured, list[Event]]:
    app, told = FastAPI(), list[Event]()

    @app.get("/report", dependencies=[Depends(limit("5/hour"))])
    @public("a test")
    async def report() -> str:
        return "done"

    chosen = {"environment": "development", "secret": [SECRET], "redis_url": url, "redis_timeout": 2.0, **settings}
    secured = secure(app, Settings.model_validate(chosen), security_events=told.append)  # type: ignore[arg-type]
    return app, secured, told


async def asked(app: FastAPI, times: int) -> list[int]:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return [(await http.get("/report")).status_code for _ in range(times)]


async def test_applications_with_one_redis_have_one_count_and_name_nobody_in_it(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        one, two = application(server.url)[0], application(server.url)[0]
        async with running(one), running(two):
            statuses = [*await asked(one, 3), *await asked(two, 4)]
        keys = b" ".join(server.tell("KEYS", "*"))

    assert statuses == [200] * 5 + [429] * 2
    assert keys.count(b"fastness:count:limits:") == 2
    assert b"192.0.2.7" not in keys


async def test_a_prefix_keeps_applications_apart(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        one, two = (application(server.url, redis_prefix=prefix)[0] for prefix in ("one:", "two:"))
        async with running(one), running(two):
            statuses = [*await asked(one, 6), *await asked(two, 6)]

    assert statuses == ([200] * 5 + [429]) * 2


async def test_a_wrong_password_stops_the_start_and_is_not_shown(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        server.tell("CONFIG", "SET", "requirepass", "another one")
        app = application(f"redis://:canary@127.0.0.1:{server.port}/0")[0]

        with pytest.raises(RuntimeError, match="Redis refuses this application: WRONGPASS") as stopped:
            async with running(app):
                pass
        server.password = "another one"

    assert "canary" not in str(stopped.value)
    assert "FASTNESS_REDIS_URL" in str(stopped.value)


async def test_a_redis_that_is_away_is_told_and_served_without_and_joined_when_it_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server(tmp_path) as server:
        server.stop()
        app, _, told = application(server.url)
        async with running(app):
            alone = await asked(app, 6)
            server.start()
            while EventType.SYS_STORE_UP not in [event.type for event in told]:
                await asked(app, 1)
                await asyncio.sleep(0.05)
            shared = server.tell("DBSIZE")

    assert alone == [200] * 5 + [429]
    assert [event.type for event in told].count(EventType.SYS_STORE_DOWN) == 1
    assert "Redis does not answer (ConnectionRefusedError)" in caplog.text
    assert shared


def test_a_redis_that_is_away_is_tried_again_every_half_second() -> None:
    now, tried = 1000.0, list[float]()

    class Away:
        def hit(self, key: str, rate: Rate) -> Hit:
            tried.append(now)
            raise RedisAway("refused")

        def reset(self, key: str) -> None:
            raise RedisAway("refused")

    chosen = {"environment": "development", "secret": [SECRET], "redis_url": "redis://localhost"}
    store = Counters(None, Settings.model_validate(chosen), silent, ticks=lambda: now).store
    assert isinstance(store, FallbackStore)
    store.behind = Away()
    for _ in range(7):
        store.hit("ada", Rate(5, 3600.0))
        now += 0.25

    assert tried == [1000.0, 1000.5, 1001.0, 1001.5]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://:canary@localhost", "not the URL of a Redis"),
        ("rediss://:canary@localhost?ssl_cert_reqs=none", "the certificate of Redis is not verified"),
        ("rediss://:canary@localhost?ssl_cert_reqs=%6eone", "the certificate of Redis is not verified"),
        ("rediss://:canary@localhost?ssl_check_hostname=false", "the certificate of Redis is not verified"),
    ],
)
def test_a_url_that_cannot_be_used_is_a_problem_and_no_exception(url: str, said: str) -> None:
    _, secured, _ = application(url, environment="production", public_url="https://api.example.com")

    text = "\n".join(map(str, secured.problems()))

    assert said in text
    assert "canary" not in text


def test_a_verified_certificate_is_no_problem() -> None:
    _, secured, _ = application("rediss://localhost", environment="production", public_url="https://api.example.com")

    assert secured.problems() == []


@pytest.mark.parametrize(
    "case",
    [
        ("production", "4", None, True),
        ("development", "4", None, True),
        ("production", "", "uvicorn", True),
        ("development", "", "uvicorn", False),
        ("production", "1", None, False),
    ],
)
async def test_several_workers_that_count_apart_are_told_of_at_the_start(
    case: tuple[str, str, str | None, bool], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment, told, parent, warns = case
    monkeypatch.setenv("WEB_CONCURRENCY", told)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    app = application("", environment=environment, public_url="https://api.example.com")[0]

    async with running(app):
        pass

    assert ("each worker counts limits by itself" in caplog.text) == warns


def test_without_a_secret_no_digest_could_name_callers_so_the_start_stops() -> None:
    _, secured, _ = application("redis://localhost", environment="production", secret=[])

    assert "limits share a store without a key" in "\n".join(map(str, secured.problems()))


def test_without_the_extra_the_start_says_how_to_install_it() -> None:
    code = """
import sys
sys.modules["hiredis"] = None
from fastapi import FastAPI
from fastness import secure
from fastness.settings import Settings
print(*secure(FastAPI(), Settings(environment="development", redis_url="redis://localhost")).problems())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert 'Redis needs the redis extra: pip install "fastness[redis]"' in done.stdout
