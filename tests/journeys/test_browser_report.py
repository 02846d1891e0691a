"""The HTML report in a real browser: readable in light, dark and print, and never wider than what shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fastness.checker import reports
from fastness.checker.checking import Request, check
from fastness.checker.finding import Persona
from fastness.checker.settings import CheckSettings
from journeys.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
SHOP = Path(__file__).parents[2] / "examples" / "vulnerable"
# WCAG 2.2, 1.4.3: 4.5 to 1 for text.
PALE = """() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = text => {
    const [r, g, b] = parts(text).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("main *")]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => {
      const style = getComputedStyle(e);
      const two = [light(e instanceof SVGElement ? style.fill : style.color), light(behind(e))].sort((a, b) => b - a);
      return [(two[0] + 0.05) / (two[1] + 0.05), e.outerHTML.slice(0, 80)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""
WIDER = """() => [...document.querySelectorAll("main *")]
  .filter(e => !e.parentElement.closest(".scroll") || matchMedia("print").matches)
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report with findings of every kind."""
    outcome = check(Request(SHOP, settings=CheckSettings(persona=Persona.PEDANTIC))).outcome
    assert len(outcome.findings) > 30
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(reports.render(outcome, "html"), encoding="utf-8")
    return file.as_uri()


@pytest.mark.parametrize(
    ("scheme", "medium", "width"),
    [("light", "screen", 1100), ("dark", "screen", 1100), ("light", "screen", 375), ("dark", "print", 680)],
)
def test_the_report_is_readable_and_fits(browser: Browser, report: str, scheme: str, medium: str, width: int) -> None:
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.emulate_media(media=medium)  # type: ignore[arg-type]
        page.goto(report)

        assert page.evaluate(PALE) == []
        assert page.evaluate(WIDER) == []
