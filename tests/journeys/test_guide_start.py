"""The guide's application in production: everything that is missing at once, and a start when nothing is."""

from __future__ import annotations

from pathlib import Path

import httpx2

from fastness.controls.secrets import generate
from journeys.servers import PATIENCE, running

COMMAND = ["uvicorn", "examples.guide.app:app", "--port", "0", "--no-proxy-headers", "--no-server-header"]


def test_production_lists_everything_that_is_missing_or_wrong_and_shows_no_value(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/guide.db",
        "FASTNESS_CORS__MAX_AGE": "hunter2",
        "FASTNESS_PASSWRODS__TIME_COST": "hunter2",
        "FASTNESS_SECRET": "hunter2",
    }

    with running(COMMAND, tmp_path, environment=environment) as server:
        code = server.process.wait(PATIENCE)

    assert code != 0
    for said in (
        "no host is allowed",
        "FASTNESS_CORS__MAX_AGE is not right",
        "FASTNESS_PASSWRODS__TIME_COST is not a setting; did you mean FASTNESS_PASSWORDS__TIME_COST?",
        "FASTNESS_SECRET",
    ):
        assert said in server.err
    assert "hunter2" not in server.out + server.err
    assert "Traceback" not in server.err


def test_production_starts_with_a_secret_and_a_public_url_and_hides_the_documents(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/guide.db",
        "FASTNESS_PUBLIC_URL": "https://api.example.com",
        "FASTNESS_SECRET": generate(),
    }

    with running(COMMAND, tmp_path, environment=environment) as server:
        url = server.answers(r"running on (http://[0-9.:]+)")
        ours = httpx2.get(url + "/health", headers={"Host": "api.example.com"})
        foreign = httpx2.get(url + "/health", headers={"Host": "evil.example"})
        document = httpx2.get(url + "/openapi.json", headers={"Host": "api.example.com"})

    assert (ours.status_code, foreign.status_code, document.status_code) == (200, 400, 404)
    assert "server" not in ours.headers
