"""Numbers and spans of what the controls do: by code, limit and outcome, never by person, and nothing when off."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from prometheus_client.parser import text_string_to_metric_families

from accounts.serving import PASSWORD, running, serving
from by_hand import LOCAL, ask
from fastness import CurrentUser, Settings, limit, public, secure
from fastness.controls.passwords import Passwords, PasswordSettings
from fastness.controls.problems import Problems
from fastness.core.events import Event, EventType
from fastness.telemetry import Telemetry, TelemetrySettings
from fastness.telemetry.meters import REFUSALS

pytestmark = pytest.mark.anyio

TOKEN = "pV3mX8qTz1LrK6wNb4YcJ9hSd2FgAe7u"
SCRAPER = (b"authorization", f"Bearer {TOKEN}".encode())
PAGE = TelemetrySettings.model_validate({"metrics_path": "/metrics", "metrics_token": TOKEN})
Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def application(telemetry: Any = PAGE, app: FastAPI | None = None) -> FastAPI:
    app = app or FastAPI()
    secure(app, Settings(environment="development"), telemetry=telemetry)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    @app.get("/limited", dependencies=[Depends(limit("1/hour", name="dear"))])
    @public("a page")
    async def limited() -> str:
        return "hello"

    @app.post("/number")
    @public("a form")
    async def number(given: dict[str, int]) -> int:
        return len(given)

    return app


async def numbers(app: Any) -> Numbers:
    reply = await ask(app, "GET", "/metrics", headers=[LOCAL, SCRAPER])
    assert reply.status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def of(found: Numbers, name: str, **labels: str) -> float:
    return found.get((f"fastness_{name}", tuple(sorted(labels.items()))), 0.0)


async def test_refusals_are_counted_by_code_and_limits_by_name() -> None:
    app = application()

    await ask(app, "GET", "/me")
    await ask(app, "GET", "/me", headers=[LOCAL, (b"authorization", b"Bearer x.y.z")])
    await ask(app, "GET", "/nowhere")
    await ask(app, "POST", "/number", headers=[LOCAL, (b"content-type", b"application/json")], body=[b"[]"])
    await ask(app, "GET", "/me", headers=[(b"host", b"evil.example")])
    for _ in range(3):
        await ask(app, "GET", "/limited")
    found = await numbers(app)

    expected = {
        ("unauthenticated", "401"): 1, ("invalid_token", "401"): 1, ("not_found", "404"): 1,
        ("invalid_input", "422"): 1, ("bad_host", "400"): 1, ("rate_limited", "429"): 2,
    }  # fmt: skip
    assert {(c, s): of(found, "refusals_total", code=c, status=s) for c, s in expected} == expected
    assert of(found, "limits_exceeded_total", limit="dear", enforced="true") == 2
    assert of(found, "security_events_total", event="malicious_host") == 1
    assert of(found, "security_events_total", event="sys_startup") == 1


async def test_a_limit_that_only_logs_is_counted_as_such() -> None:
    app = FastAPI()
    secure(app, Settings(environment="development", mode="observe"), telemetry=PAGE)
    app.add_api_route("/limited", lambda: "hello", dependencies=[Depends(limit("1/hour", name="dear"))])

    for _ in range(3):
        await ask(app, "GET", "/limited")
    found = await numbers(app)

    assert of(found, "limits_exceeded_total", limit="dear", enforced="false") == 1
    assert of(found, "refusals_total", code="rate_limited", status="429") == 0


async def test_sign_ins_and_the_hash_pool_are_counted(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/accounts.db", settings={"telemetry": PAGE}) as served:
        await served.account()
        await served.login()
        for _ in range(2):
            wrong = {"email": "ada@example.com", "password": "a wrong guess, long enough"}
            await served.client.post("/auth/login", json=wrong)
        found = await numbers(served.app)

    assert of(found, "logins_total", outcome="success") == 1
    assert of(found, "logins_total", outcome="fail") == 2
    assert ("fastness_passwords_pending", ()) in found


async def test_the_hash_pool_s_queue_is_seen_while_it_is_there() -> None:
    app = application()
    passwords = Passwords(PasswordSettings(threads=1, waiting_per_thread=4))
    hashing = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(4)]
    await asyncio.sleep(0)

    waiting = of(await numbers(app), "passwords_pending")
    await asyncio.gather(*hashing)
    passwords.close()

    assert waiting == 4
    assert of(await numbers(app), "passwords_pending") == 0


async def test_a_store_that_fails_is_one_outage() -> None:
    class Gone:
        async def hit(self, *_: Any) -> Any:
            raise ConnectionError

        async def reset(self, *_: Any) -> None: ...

    app = FastAPI()
    secure(app, Settings(environment="development"), telemetry=PAGE, store=Gone())
    app.add_api_route("/open", public("a page")(lambda: "hello"))

    for _ in range(3):
        await ask(app, "GET", "/open")

    assert of(await numbers(app), "store_outages_total") == 1


async def test_no_label_holds_a_person_or_a_word_of_a_caller() -> None:
    app = application()
    secured = app.state.fastness
    canary = "canary7f3a"
    token = secured.tokens.issue(canary)
    for path in ("/me", f"/{canary}", "/limited", "/number"):
        for value in (f"Bearer {token}", f"Bearer {canary}", canary):
            await ask(
                app, "POST" if path == "/number" else "GET", path,
                headers=[LOCAL, (b"authorization", value.encode()), (b"x-forwarded-for", b"203.0.113.99"),
                         (b"user-agent", canary.encode()), (b"x-request-id", canary.encode())],
                body=[canary.encode()],
            )  # fmt: skip
    secured.emit(Event(EventType.AUTHN_LOGIN_FAIL, who=canary, reason=canary, details={"email": canary}))
    secured.emit(Event(EventType.EXCESS_RATE_LIMIT_EXCEEDED, who=canary, reason="5/minute by user"))

    page = (await ask(app, "GET", "/metrics", headers=[LOCAL, SCRAPER])).body.decode()

    assert canary not in page
    assert "203.0.113" not in page


async def test_the_page_is_for_whoever_knows_its_token() -> None:
    app = application()
    statuses = [
        (await ask(app, "GET", "/metrics", headers=[LOCAL, *headers])).status
        for headers in ([], [(b"authorization", b"Bearer wrong")], [(b"authorization", f"Basic {TOKEN}".encode())],
                        [(b"authorization", b"Bearer \xff")], [SCRAPER])
    ]  # fmt: skip

    assert statuses == [401, 401, 401, 401, 200]
    assert "/metrics" not in app.openapi()["paths"]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"metrics_path": "/metrics"}, "FASTNESS_TELEMETRY__METRICS_TOKEN"),
        ({"metrics_path": "/metrics", "metrics_token": "hunter2"}, "FASTNESS_TELEMETRY__METRICS_TOKEN"),
        ({"metrics_path": "metrics?", "metrics_token": TOKEN}, "FASTNESS_TELEMETRY__METRICS_PATH"),
    ],
)
def test_production_refuses_a_page_that_anybody_could_read(settings: Mapping[str, str], what: str) -> None:
    problems = TelemetrySettings.model_validate(settings).problems(production=True)

    assert [problem.where for problem in problems] == [what]
    assert "hunter2" not in str(problems[0])


async def test_off_nothing_is_measured_and_nothing_stands_in_between() -> None:
    app = application(telemetry=None)
    secured = app.state.fastness

    assert "telemetry" not in secured.on
    assert secured.emit is secured.controls["security_events"]
    assert "answer" not in vars(secured.controls["problems"])
    assert (await ask(app, "GET", "/metrics", headers=[LOCAL, SCRAPER])).status == 404


def test_off_no_package_of_either_kind_is_loaded() -> None:
    code = "import sys, fastapi, fastness.chain as c; c.secure(fastapi.FastAPI()); print('prometheus_client' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_flood_of_codes_cannot_fill_the_memory() -> None:
    watch = Telemetry(PAGE)

    for number in range(3_000):
        watch._add(REFUSALS, code=f"made_up_{number}", status="400")

    assert len(watch._known) <= 1_001


def test_workers_are_summed_where_prometheus_has_a_folder_for_them(tmp_path: Path) -> None:
    code = (
        "from fastness.telemetry import *; from fastness.telemetry.meters import *; import sys\n"
        "watch = Telemetry(TelemetrySettings(metrics_path='/metrics'))\n"
        "watch._add(LOGINS, outcome='success')\n"
        "print(watch._page.page().decode() if 'show' in sys.argv else '')"
    )
    said = ""
    for arguments in ([], [], ["show"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True, text=True, check=True, env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        )  # fmt: skip
        said = done.stdout

    assert 'fastness_logins_total{outcome="success"} 3.0' in said


class Recorded:
    """A provider of meters and tracers as opentelemetry-api describes them, that keeps what it is given."""

    def __init__(self) -> None:
        self.added: list[tuple[str, dict[str, str]]] = []
        self.spans: list[dict[str, Any]] = []
        self.gauges: dict[str, Any] = {}

    def get_meter(self, *_: Any, **__: Any) -> Any:
        outer = self

        class Meter:
            def create_counter(self, name: str, **_: Any) -> Any:
                return type("C", (), {"add": lambda *given: outer.added.append((name, dict(given[2])))})()

            def create_observable_gauge(self, name: str, callbacks: Any, **_: Any) -> None:
                outer.gauges[name] = callbacks[0]

            def create_histogram(self, *_: Any, **__: Any) -> Any:
                return type("H", (), {"record": lambda *_, **__: None})()

            def create_up_down_counter(self, *_: Any, **__: Any) -> Any:
                return type("U", (), {"add": lambda *_, **__: None})()

        return Meter()

    def tracer_provider(self) -> Any:
        from opentelemetry.trace import NonRecordingSpan, SpanContext, Tracer, TracerProvider

        outer = self

        class Span(NonRecordingSpan):
            def __init__(self, name: str) -> None:
                super().__init__(SpanContext(1, 1, is_remote=False))
                self.seen: dict[str, Any] = {"name": name, "events": [], "attributes": {}}
                outer.spans.append(self.seen)

            def is_recording(self) -> bool:
                return True

            def set_attribute(self, key: str, value: Any) -> None:
                self.seen["attributes"][key] = value

            def add_event(self, name: str, *_: Any, **__: Any) -> None:
                self.seen["events"].append(name)

        class Kept(Tracer):
            def start_span(self, name: str, *_: Any, **__: Any) -> Any:
                return Span(name)

            @contextmanager
            def start_as_current_span(self, name: str, *_: Any, **__: Any) -> Iterator[Any]:  # type: ignore[override]
                yield Span(name)

        class Provider(TracerProvider):
            def get_tracer(self, *_: Any, **__: Any) -> Any:
                return Kept()

        return Provider()


@pytest.mark.skipif(find_spec("fastapi.telemetry") is None, reason="this FastAPI has no telemetry of its own")
async def test_fastapi_s_own_span_says_what_was_refused_and_the_meter_is_the_same_provider_s() -> None:
    kept = Recorded()
    providers = {"meter_provider": kept, "tracer_provider": kept.tracer_provider()}
    plain = FastAPI(telemetry=providers)  # type: ignore[arg-type]
    app = application(TelemetrySettings(opentelemetry=True), plain)

    async with running(app):
        await ask(app, "GET", "/me", headers=[LOCAL, (b"authorization", b"Bearer x.y.z")])

    server = next(span for span in kept.spans if "fastness.refusal.code" in span["attributes"])
    assert server["attributes"]["fastness.refusal.code"] == "invalid_token"
    assert server["attributes"]["http.route"] == "/me"
    assert server["events"] == ["fastness.authn_token_fail"]
    assert ("fastness.refusals", {"code": "invalid_token", "status": "401"}) in kept.added
    assert kept.gauges["fastness.passwords_pending"](None)[0].value == 0


@pytest.mark.skipif(find_spec("opentelemetry") is None, reason="this FastAPI does not bring OpenTelemetry")
async def test_without_any_provider_it_does_no_harm() -> None:
    app = application(TelemetrySettings(opentelemetry=True))

    assert (await ask(app, "GET", "/me")).status == 401


async def test_problems_of_an_application_without_telemetry_are_not_touched() -> None:
    plain, watched = application(telemetry=None), application()

    assert plain.state.fastness.controls["problems"].answer.__func__ is Problems.answer
    assert "answer" in vars(watched.state.fastness.controls["problems"])
