"""The smallest example is small, starts as its first line says, and is secured."""

from __future__ import annotations

from pathlib import Path

import httpx2

from journeys.servers import ROOT, running

SOURCE = ROOT / "examples" / "minimal" / "app.py"


def test_the_minimal_example_has_under_fifteen_lines() -> None:
    assert len(SOURCE.read_text().splitlines()) < 15


def test_the_minimal_example_greets_with_every_header_and_refuses_a_bad_token(tmp_path: Path) -> None:
    command = ["uvicorn", "examples.minimal.app:app", "--port", "0"]

    with running(command, tmp_path, environment={"FASTNESS_ENVIRONMENT": "development"}) as server:
        url = server.answers(r"running on (http://[0-9.:]+)")
        greeted = httpx2.get(url)
        refused = httpx2.get(url, headers={"Authorization": "Bearer forged"})

    assert (greeted.status_code, greeted.json()) == (200, "Hello, stranger")
    assert greeted.headers["content-security-policy"].startswith("default-src 'none'")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
