"""The pages of a certified board in headless chromium: nothing overflows, switches work, charts can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

BOARD, METHOD = "suites/mnist16-certified.html", "methods/denoised-smoothing.html"
Open = Callable[..., Any]


@pytest.fixture
def visit(chromium: Any, certified: Path) -> Iterator[Open]:
    """Opens a page; at the end nothing was written to the console and no request has left the files."""
    seen: list[str] = []
    contexts = []

    def opened(path: str, width: int = 1280) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 800})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.goto((certified / path).as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [s for s in seen if not s.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("path", [BOARD, METHOD])
@pytest.mark.parametrize("width", [360, 700, 1280])
def test_no_page_is_wider_than_the_window(visit: Open, path: str, width: int) -> None:
    assert visit(path, width=width).evaluate("document.documentElement.scrollWidth") <= width


def test_a_switch_shows_the_columns_of_its_sigma(visit: Open) -> None:
    page = visit(BOARD)
    assert page.locator("th.more:visible").count() == 0 and page.locator("th.main:visible").count() > 8
    page.locator('input[data-hides="switch-1"]').check()
    assert page.locator("th.more:visible").count() == 7


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_the_text_of_charts_can_be_read(visit: Open, width: int) -> None:
    page = visit(BOARD, width=width)
    charts = page.locator(".chart svg:visible").all()
    assert len(charts) == 5
    scale = "(t) => t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width"
    for chart in charts:
        assert 12 * chart.locator("text").first.evaluate(scale) >= 10


def test_the_swatches_of_the_legend_have_the_colours_of_the_lines(visit: Open) -> None:
    page = visit(BOARD)
    swatches = page.locator("ul.keys li line").all()
    assert len(swatches) == 8
    colours = [s.evaluate("(e) => getComputedStyle(e).stroke") for s in swatches]
    lines = page.locator(".chart svg").first.locator("path[stroke^='var(--series-']").all()
    drawn = {line.evaluate("(e) => getComputedStyle(e).stroke") for line in lines}
    assert drawn == set(colours[:6]) and len(drawn) == 6
