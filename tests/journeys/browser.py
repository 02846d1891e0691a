"""A real Chromium, and what a page in it did: every request, every word on its console, every broken policy.

Only this file knows how the browser is found and driven: the system's own Chromium through playwright. Without it the
tests skip on a person's machine and fail in CI; `-m "not browser"` leaves them out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# No call of the browser's own: what reaches the network is the page's doing.
_QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-domain-reliability", "--no-default-browser-check",
)  # fmt: skip
_BROKEN = "window.broken = []; document.addEventListener('securitypolicyviolation', e => broken.push(`${e.violatedDirective} ${e.blockedURI}`))"
PATIENCE = 15_000
"""Milliseconds for whatever a page waits for."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser, closed afterwards."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright (requirements/dev.txt)")
    path = os.environ.get("FASTNESS_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        _missing("chromium (apt-get install chromium)")
    # Chromium's sandbox refuses to run as root, which is who CI is.
    sandbox = () if os.geteuid() else ("--no-sandbox",)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*_QUIET, *sandbox])
        try:
            yield browser
        finally:
            browser.close()


def _missing(what: str) -> NoReturn:
    text = f'the browser tests need {what}; leave them out with -m "not browser"'
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


@dataclass
class Watched:
    """A page, and what it did."""

    page: Page
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def hosts(self) -> set[str]:
        """Scheme, host and port of everything that was asked for; `blob:` is the page itself."""
        return {"/".join(url.removeprefix("blob:").split("/", 3)[:3]) for url in self.requests}

    def violations(self) -> list[str]:
        """What the policies of the page blocked, as the page and as its console tell."""
        found: list[str] = self.page.evaluate("window.broken")
        return found + [text for text in self.console if "Content Security Policy" in text or text.startswith("error")]


@contextlib.contextmanager
def watched(browser: Browser) -> Iterator[Watched]:
    """A page in a profile of its own."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    seen = Watched(page)
    context.add_init_script(_BROKEN)
    context.on("request", lambda request: seen.requests.append(request.url))
    context.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.console.append(f"error: {error}"))
    try:
        yield seen
    finally:
        context.close()
