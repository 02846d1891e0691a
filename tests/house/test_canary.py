"""The canary of the test run: it sings when a secret is logged, in every process of the run, and is silent otherwise."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary import FOUND, Canary

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4"


@pytest.fixture
def canary() -> Iterator[Canary]:
    with contextlib.closing(Canary()) as made:
        yield made


@pytest.mark.parametrize(
    ("secret", "kind", "line"),
    [
        (TOKEN, "access token", f'{{"reason": "bad token {TOKEN}"}}'),
        (TOKEN, "access token", "the end of it is enough: lLW9mLXRoaXMtdG9rZW4, they say"),
        ("violet teapot under the stairs", "password", "sign-in with violet teapot under the stairs failed"),
        ("40711234", "code", "code=40711234"),
    ],
)
def test_a_secret_in_a_line_is_found_and_the_line_is_shown(canary: Canary, secret: str, kind: str, line: str) -> None:
    canary.keeps(secret, kind)

    canary.reads(f"an ordinary line\n{line}\nanother")

    [found] = canary.found()
    assert found.startswith(kind)
    assert line[-20:] in found


@pytest.mark.parametrize(
    "line", ["", "pid 14071123", "request a740711234b", f"{TOKEN[:30]} and no more", "violet teapot"]
)
def test_what_is_no_whole_secret_is_not(canary: Canary, line: str) -> None:
    for secret, kind in ((TOKEN, "access token"), ("violet teapot under the stairs", "password"), ("40711234", "code")):
        canary.keeps(secret, kind)

    canary.reads(line)

    assert canary.found() == []


def test_an_attack_that_was_sent_in_the_open_too_is_no_secret_as_a_password(canary: Canary) -> None:
    canary.keeps("' OR 1=1; DROP TABLE users", "password")
    canary.public.add("Mozilla ' OR 1=1; DROP TABLE users")

    canary.reads("useragent: Mozilla ' OR 1=1; DROP TABLE users")

    assert canary.found() == []


LEAKING = """
    import logging
    from fastness.controls.secrets import generate
    from fastness.controls.tokens import TokenKeys, Tokens, TokenSettings

    def test_that_is_green_and_logs_a_token():
        token = Tokens(TokenKeys.generate(), TokenSettings(issuer="https://example.com")).issue("ada")
        logging.getLogger("somebody").error("{}", token if {} else "a token")
"""


@pytest.mark.parametrize(("processes", "leaks"), [("0", 1), ("1", 1), ("1", 0)])
def test_a_run_whose_tests_are_green_fails_when_a_log_holds_a_secret(
    processes: str, leaks: int, tmp_path: Path
) -> None:
    tests = Path(__file__).parents[1]
    (tmp_path / "conftest.py").write_text("from canary import CANARY, watch\n\n" + CONFIGURE)
    (tmp_path / "test_leak.py").write_text(textwrap.dedent(LEAKING).replace("{}", "%s", 1).replace("{}", str(leaks)))

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", processes, "-p", "no:cacheprovider", "-o", f"pythonpath={tests}",
         "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == (FOUND if leaks else 0)
    assert ("SECRET IN A LOG: access token" in done.stdout) == bool(leaks)
    assert f"{leaks} of 1 secrets were found" in done.stdout


CONFIGURE = """
def pytest_configure(config):
    config.pluginmanager.register(CANARY, "canary")
    watch()
"""
