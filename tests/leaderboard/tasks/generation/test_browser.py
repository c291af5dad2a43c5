"""The board of generators, the page of a generator and the published numbers in headless chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trustdm.bench import reported

pytestmark = pytest.mark.browser

BOARD, METHOD, REPORTED = "suites/digits-generation.html", "methods/digits-edm.html", "reported.html"
Open = Callable[..., Any]


@pytest.fixture
def visit(chromium: Any, generated: Path) -> Iterator[Open]:
    """Opens a page; at the end nothing was written to the console and no request has left the files."""
    seen: list[str] = []
    contexts = []

    def opened(path: str, width: int = 1280, scheme: str = "light") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.goto((generated / path).as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [s for s in seen if not s.startswith(("file:", "data:"))] == []


def numbers(texts: list[str]) -> list[float]:
    return [float(text.replace(",", "").replace("−", "-")) for text in texts if text != "–"]


def test_the_first_click_on_a_distance_sorts_the_least_first_and_the_floor_stays_on_top(visit: Open) -> None:
    page = visit(BOARD)
    page.get_by_role("checkbox", name="other step counts").check()
    button = page.get_by_role("columnheader", name="Fréchet distance, 5 steps").get_by_role("button")
    for reverse in (False, True):
        button.click()
        body = page.locator("table.board tbody").first
        at = page.locator("table.board thead th").all_inner_texts()
        place = next(k for k, head in enumerate(at) if head.startswith("Fréchet distance, 5 steps"))
        values = numbers(body.locator(f"tr.row > :nth-child({place + 1}) .value").all_inner_texts())
        assert len(values) == 10 and values == sorted(values, reverse=reverse)
        assert body.locator("tr").nth(1).get_attribute("class") == "floor"


def test_other_step_counts_and_costs_are_hidden_at_first(visit: Open) -> None:
    page = visit(BOARD)
    assert page.locator("th.more:visible, td.more:visible, th.cost:visible").count() == 0
    page.get_by_role("checkbox", name="other step counts").check()
    assert page.locator("th.more:visible").count() == 4


def test_published_numbers_are_searched_and_filtered(visit: Open) -> None:
    page = visit(REPORTED)
    total = page.locator("tr.row").count()
    flag = page.locator("select[name=flag]")
    label = next(t for t in flag.locator("option").all_text_contents() if t.startswith("suspect"))
    flag.select_option(label=label)
    suspects = [row for name in reported.suites() for row in reported.reported(name) if "suspect" in row.flags]
    groups = {(row.suite, row.source, row.protocol) for row in suspects}
    assert page.locator("tr.row:visible").count() == len(suspects) < total
    assert page.locator("tbody:visible").count() == len(groups)
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Search").fill("langevin ncsn")
    assert page.locator("tr.row:visible").count() == 0 and page.locator(".empty").is_visible()
    page.get_by_label("Search").fill("NCSNv2")
    assert page.locator("tr.row:visible").count() == 2
    page.get_by_label("Search").fill("")
    assert page.locator("tr.row:visible").count() == total


def test_no_page_scrolls_sideways_on_a_phone(visit: Open, generated: Path) -> None:
    page = visit(BOARD, width=360)
    for path in (BOARD, METHOD, REPORTED, "index.html"):
        page.goto((generated / path).as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_on_a_phone_the_floor_and_every_number_is_in_view(visit: Open) -> None:
    page = visit(BOARD, width=360)
    frame = page.locator(".scroll").first
    assert frame.evaluate("f => f.scrollWidth <= f.clientWidth")
    cells = page.locator("tr.row").first.locator("td.main:visible").all()
    floor = page.locator("tr.floor").first.locator("th.method:visible, td.main:visible").all()
    boxes = [cell.bounding_box() for cell in (*cells, *floor)]
    assert (len(cells), len(floor)) == (5, 2)
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["width"] > 60 for box in boxes)


def test_samples_keep_their_pixels_and_stand_side_by_side(visit: Open) -> None:
    page = visit(METHOD)
    sheets = page.locator(".sheets").first.locator("img")
    sheets.first.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.sheets img').naturalWidth > 100")
    assert sheets.first.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"
    assert len({sheets.nth(k).bounding_box()["y"] for k in range(3)}) == 1


@pytest.mark.parametrize("width", [360, 590, 1280])
def test_the_text_of_charts_can_be_read(visit: Open, width: int) -> None:
    page = visit(BOARD, width=width)
    assert page.locator(".chart svg:visible").count() == 3
    scale = "(t) => t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width"
    for chart in page.locator(".chart svg:visible").all():
        assert 12 * chart.locator("text").first.evaluate(scale) >= 10


def luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)" (WCAG 2.1)."""
    parts = [int(p) / 255 for p in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


COLOURS = """() => {
  const back = (e) => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)') return c;
  } };
  const texts = [...document.querySelectorAll('body *')].filter((e) => !e.closest('svg') && e.checkVisibility() &&
    [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  return texts.map((e) => [getComputedStyle(e).color, back(e), e.className]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [BOARD, METHOD, REPORTED])
def test_every_text_has_enough_contrast(visit: Open, path: str, scheme: str) -> None:
    page = visit(path, scheme=scheme)
    pairs = {tuple(pair) for pair in page.evaluate(COLOURS)}
    assert len(pairs) > 5
    for ink, paper, where in pairs:
        assert contrast(ink, paper) >= 4.5, (where, ink, paper)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_of_charts_stand_out_from_the_page(visit: Open, scheme: str) -> None:
    page = visit(BOARD, scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for number in range(1, 9):
        colour = page.evaluate(
            f"""() => {{ const e = document.body.appendChild(document.createElement('i'));
            e.style.color = 'var(--series-{number})'; return getComputedStyle(e).color; }}"""
        )
        assert contrast(colour, paper) >= 3.0, (number, colour)
