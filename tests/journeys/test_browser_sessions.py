"""Cookie sessions and CSRF protection as a real browser lives them, attacked from a page of another origin."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from journeys.browser import Watched, chromium, watched
from journeys.servers import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

_CALL = """async ([method, path, headers]) => {
  const answer = await fetch(path, {method, headers});
  const text = await answer.text();
  return [answer.status, text ? JSON.parse(text) : null];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = ["uvicorn", "tests.journeys.browser_app:app", "--port", "0"]
    with running(command, tmp_path_factory.mktemp("app"), environment={}) as server:
        yield server.answers(r"running on (http://[0-9.:]+)")


@pytest.fixture(scope="module")
def stranger() -> Iterator[int]:
    """The port of a server of somebody else, whose pages post to the address in their query."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<form method=post action='" + self.path.partition("?")[2].encode() + b"'></form>")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def call(seen: Watched, method: str, path: str, **headers: str) -> tuple[int, Any]:
    """A request by a script of the page."""
    status, body = seen.page.evaluate(_CALL, [method, path, {name.replace("_", "-"): v for name, v in headers.items()}])
    return status, body


def signed_in(seen: Watched, url: str) -> None:
    seen.page.goto(url)
    assert call(seen, "POST", "/login")[0] == 204


def posted(seen: Watched, page: str) -> int:
    """Open somebody's page and let its form post; the status of the answer."""
    seen.page.goto(page)
    with seen.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        seen.page.evaluate("document.forms[0].submit()")
    if answer.value.status >= 400:  # it is shown; a 204 leaves the page where it is
        seen.page.wait_for_url(answer.value.url)
    return answer.value.status


def test_a_session_lives_in_a_host_cookie_that_no_script_reads_and_ends_at_logout(browser: Browser, url: str) -> None:
    with watched(browser) as seen:
        signed_in(seen, url)
        (cookie,) = seen.page.context.cookies()
        token = call(seen, "GET", "/token")[1]
        before = call(seen, "GET", "/notes")[1]

        assert (cookie["name"], cookie["secure"], cookie["httpOnly"], cookie["path"], cookie["sameSite"]) == (
            "__Host-session", True, True, "/", "Lax",
        )  # fmt: skip
        assert seen.page.evaluate("document.cookie") == ""
        assert call(seen, "POST", "/notes", x_csrf_token=token)[0] == 204
        assert call(seen, "GET", "/notes")[1] == [*before, "ada"]
        assert call(seen, "POST", "/notes")[0] == 403
        assert call(seen, "POST", "/logout", x_csrf_token=token)[0] == 204
        assert seen.page.context.cookies() == []
        assert call(seen, "GET", "/notes")[0] == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_writes_nothing(browser: Browser, url: str, stranger: int, host: str) -> None:
    # Another port of the same host is the same site: the browser sends the session cookie, and CSRF protection decides.
    with watched(browser) as seen:
        signed_in(seen, url)
        before = call(seen, "GET", "/notes")[1]

        sent = f"fetch('{url}/notes', {{method: 'POST', mode: 'no-cors', credentials: 'include'}})"
        seen.page.goto(f"http://{host}:{stranger}/")
        assert seen.page.evaluate(f"{sent}.then(() => 'read', () => 'kept from the page')") == "kept from the page"
        status = posted(seen, f"http://{host}:{stranger}/?{url}/notes")

        assert status == (403 if host == "127.0.0.1" else 401)
        seen.page.goto(url)
        assert call(seen, "GET", "/notes") == (200, before)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_signs_nobody_in(browser: Browser, url: str, stranger: int, host: str) -> None:
    with watched(browser) as seen:
        assert posted(seen, f"http://{host}:{stranger}/?{url}/login") == 403
        assert seen.page.context.cookies() == []
