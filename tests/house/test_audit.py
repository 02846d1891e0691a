"""The guide's checklist, line 11: dependencies are audited, and an audit that saw nothing says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "audit.py"
CLEAN = (
    "anyio==4.16.0 \\\n    --hash=sha256:00\nwidget[extra]==2.0.0 ; python_version >= '3.11' \\\n    --hash=sha256:01\n"
)
BAD = CLEAN + "python-jose==3.3.0 \\\n    --hash=sha256:02\n"
ADVISORY = {
    "id": "PYSEC-2024-232",
    "summary": "Algorithm confusion with OpenSSH ECDSA keys",
    "affected": [
        {
            "package": {"name": "Python_Jose", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.4.0"}]}],
        }
    ],
}


class AdvisoryService(BaseHTTPRequestHandler):
    """A stand-in that speaks the two calls of the OSV protocol and knows one advisory."""

    paged = False

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        self.answer({"results": [self.about(query) for query in asked]})

    def do_GET(self) -> None:
        self.answer(ADVISORY)

    def about(self, query: dict[str, object]) -> dict[str, object]:
        if self.paged and "page_token" not in query:
            return {"next_page_token": "2"}
        known = query == {**query, "package": {"name": "python-jose", "ecosystem": "PyPI"}, "version": "3.3.0"}
        return {"vulns": [{"id": ADVISORY["id"]}]} if known else {}

    def answer(self, document: object) -> None:
        raw = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it that
        pass


class PagedService(AdvisoryService):
    """Keeps its findings for the second page."""

    paged = True


class ForgetfulService(AdvisoryService):
    """Answers for fewer packages than it was asked about."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"results": []})


class SilentService(AdvisoryService):
    """An index that has no advisories: every look-up is a 404."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(404)


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), getattr(request, "param", AdvisoryService))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def audit(folder: Path, requirements: str, *, advisories: str) -> tuple[int, str]:
    (folder / "requirements.txt").write_text(requirements)
    environment = {**os.environ, "FASTNESS_ADVISORIES": advisories, "no_proxy": "*"}
    done = subprocess.run(
        [sys.executable, TOOL, folder / "requirements.txt"],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_line_11_a_known_bad_pin_is_red_and_named(tmp_path: Path, service: str) -> None:
    code, said = audit(tmp_path, BAD, advisories=service)

    assert code == 1
    assert "python-jose 3.3.0: PYSEC-2024-232 Algorithm confusion" in said
    assert "audited 3 packages, 1 findings" in said


def test_line_11_clean_pins_are_green_and_counted(tmp_path: Path, service: str) -> None:
    assert audit(tmp_path, CLEAN, advisories=service) == (0, "audited 2 packages\n")


@pytest.mark.parametrize("service", [PagedService], indirect=True)
def test_a_finding_on_the_second_page_of_the_answer_is_found(tmp_path: Path, service: str) -> None:
    code, said = audit(tmp_path, BAD, advisories=service)

    assert (code, "PYSEC-2024-232" in said) == (1, True)


@pytest.mark.parametrize("service", [SilentService, ForgetfulService], indirect=True)
def test_line_11_a_service_that_does_not_answer_for_all_is_no_audit(tmp_path: Path, service: str) -> None:
    code, said = audit(tmp_path, BAD, advisories=service)

    assert code == 0
    assert said.startswith("not audited: ")
    assert "audited 3" not in said


@pytest.mark.parametrize("advisories", ["http://127.0.0.1:9", "/no/such/folder", "file:///etc"])
def test_line_11_without_a_source_it_says_not_audited_and_nothing_better(tmp_path: Path, advisories: str) -> None:
    code, said = audit(tmp_path, BAD, advisories=advisories)

    assert code == 0
    assert said.startswith("not audited: ")
    assert "no known vulnerabilities" not in said.lower()


@pytest.mark.parametrize(("version", "code"), [("3.3.0", 1), ("3.4.0", 0), ("3.10.0", 0)])
def test_a_folder_of_records_serves_where_there_is_no_network(tmp_path: Path, version: str, code: int) -> None:
    records = tmp_path / "records"
    records.mkdir()
    (records / "PYSEC-2024-232.json").write_text(json.dumps(ADVISORY))

    found, said = audit(tmp_path, f"python-jose=={version}\n", advisories=str(records))

    assert found == code
    assert ("PYSEC-2024-232" in said) is bool(code)


def test_an_empty_folder_is_no_audit(tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()

    code, said = audit(tmp_path, CLEAN, advisories=str(records))

    assert (code, said.startswith("not audited: ")) == (0, True)


def test_what_is_not_pinned_cannot_be_audited(tmp_path: Path, service: str) -> None:
    code, said = audit(tmp_path, "anyio>=4\n", advisories=service)

    assert code == 2
    assert "not a pinned package" in said
