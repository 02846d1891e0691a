"""A sign-in at another server, in a window of its own, comes back to Swagger UI through the redirect page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from journeys.browser import chromium, watched
from journeys.servers import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.browser


class _SignIn(BaseHTTPRequestHandler):
    """Everybody is signed in at once; the state comes back, or another one where `changed` is set."""

    changed = False

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        state = "somebody-elses" if self.changed else asked["state"]
        self._answer(302, location=f"{asked['redirect_uri']}?code=c0de&state={state}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(
            200, json.dumps({"access_token": "t0ken", "token_type": "bearer"}), content_type="application/json"
        )

    def do_OPTIONS(self) -> None:
        self._answer(204, access_control_allow_headers="authorization, x-requested-with")

    def _answer(self, status: int, body: str = "", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"access_control_allow_origin": "*", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(params=["its own state", "another state"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    changed = request.param == "another state"
    # By name: another host than the application's, so that it is another site.
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("SignIn", (_SignIn,), {"changed": changed}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}", changed
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_answer_of_another_server_is_taken_with_its_own_state_only(
    elsewhere: tuple[str, bool], tmp_path: Path
) -> None:
    server, changed = elsewhere
    command = ["uvicorn", "tests.journeys.elsewhere_app:app", "--port", "0"]
    with (
        chromium() as browser,
        running(command, tmp_path, environment={"TEST_ELSEWHERE": server}) as app,
        watched(browser) as seen,
    ):
        url = app.answers(r"running on (http://[0-9.:]+)")
        seen.page.goto(f"{url}/docs")
        seen.page.get_by_role("button", name="Authorize").click()
        dialog = seen.page.locator(".auth-container").first
        dialog.get_by_label("client_id:").fill("docs")
        with seen.page.expect_popup() as window:
            dialog.locator("button.authorize").click()
        if changed:
            dialog.get_by_text("its state is another one").wait_for()
        else:
            dialog.get_by_role("heading", name="Authorized").wait_for()
        if not window.value.is_closed():
            window.value.wait_for_event("close")
        assert any(request.startswith(f"{server}/token") for request in seen.requests) is not changed
        assert seen.violations() == []
        assert seen.hosts() == {url, server}
