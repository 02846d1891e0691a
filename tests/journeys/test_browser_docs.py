"""Swagger UI and ReDoc in a real browser: they work, and nothing leaves the host or breaks the policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from journeys.browser import chromium, watched
from journeys.servers import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Demo:
    url: str
    password: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(["fastness", "demo", "--port", "0"], tmp_path_factory.mktemp("demo"), environment={}) as server:
        url = server.answers(r"service +(http://\S+)")
        yield Demo(url, server.says(r"password +(\S+)"))


def test_swagger_authorizes_the_administrator_and_try_it_out_answers_200(browser: Browser, demo: Demo) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.goto(f"{demo.url}/docs")
        page.get_by_role("button", name="Authorize").click()
        dialog = page.locator(".auth-container").first
        dialog.get_by_label("username:").fill("admin@example.com")
        dialog.get_by_label("password:").fill(demo.password)
        dialog.locator("button.authorize").click()
        dialog.get_by_role("heading", name="Authorized").wait_for()
        dialog.locator("button.btn-done").click()
        operation = page.locator(".opblock", has=page.locator("[data-path='/profile']")).first
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        operation.get_by_role("button", name="Execute").click()
        live = operation.locator(".live-responses-table .response")
        live.wait_for()

        assert live.locator(".response-col_status").inner_text().split()[0] == "200"
        assert json.loads(live.locator("pre.microlight").first.inner_text())["email"] == "admin@example.com"
        assert seen.violations() == []
        assert seen.hosts() == {demo.url}
        assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0


def test_redoc_shows_every_operation(browser: Browser, demo: Demo) -> None:
    with watched(browser) as seen:
        seen.page.goto(f"{demo.url}/redoc")
        seen.page.get_by_text("/auth/login", exact=True).first.wait_for()
        seen.page.get_by_placeholder("Search...").fill("logout")  # searched in a worker of the page's own
        seen.page.locator("[role=search] [role=menuitem]").first.wait_for()

        assert seen.violations() == []
        assert seen.hosts() == {demo.url}
