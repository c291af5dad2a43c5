"""The pages in headless chromium, opened from files: what a reader can do, and that nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

BOARD = "suites/mnist16-linf.html"
Open = Callable[..., Any]


@pytest.fixture
def visit(chromium: Any, published: Path) -> Iterator[Open]:
    """Opens a page of the site; at the end no request has left the files and nothing was written to the console."""
    seen: list[str] = []
    contexts = []

    def opened(path: str, width: int = 1280, scheme: str = "light") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        context.route(
            "**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort()
        )
        page = context.new_page()
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.on("dialog", lambda dialog: seen.append(f"dialog: {dialog.message}"))
        page.goto((published / path).as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [s for s in seen if not s.startswith(("file:", "data:"))] == []


def column(page: Any, number: int, group: int = 0) -> list[str]:
    rows = page.locator("table.board tbody").nth(group).locator("tr.row:visible")
    return [text.split("\n")[0] for text in rows.locator(f":scope > :nth-child({number})").all_inner_texts()]


def place(page: Any, head: str) -> int:
    heads = page.locator("table.board thead th").all_text_contents()
    return 1 + [h.strip() for h in heads].index(head)


def shares(texts: list[str]) -> list[float]:
    return [float(text.partition("%")[0]) for text in texts]


def test_a_click_sorts_by_number_and_a_second_click_turns_it_around(visit: Open) -> None:
    page = visit(BOARD)
    at = place(page, "Robust accuracy (PGD-40)")
    head = page.locator("table.board thead th").nth(at - 1)
    for order, sign in (("descending", -1), ("ascending", 1)):
        head.get_by_role("button").click()
        values = shares(column(page, at))
        assert len(values) == 8 and values == sorted(values, key=lambda v: sign * v)
        assert head.get_attribute("aria-sort") == order
        assert page.locator("th[aria-sort]").count() == 1


def test_preview_rows_are_sorted_among_themselves(visit: Open) -> None:
    page = visit(BOARD)
    at = place(page, "Clean accuracy")
    page.locator("table.board thead th").nth(at - 1).get_by_role("button").click()
    groups = page.locator("table.board tbody")
    assert groups.nth(2).get_attribute("class") == "preview"
    assert all("preview" in text for text in groups.nth(2).locator("tr.row .marks").all_inner_texts())
    values = shares(column(page, at, 2))
    assert len(values) == 4 and values == sorted(values, reverse=True)
    assert all(group.locator("tr").first.get_attribute("class") == "group" for group in groups.all())


def test_names_sort_as_text_and_the_keyboard_is_enough(visit: Open) -> None:
    page = visit(BOARD)
    button = page.locator("table.board thead th").nth(1).get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    names = column(page, 2)
    assert len(names) == 8 and names == sorted(names, key=str.lower)


def test_search_leaves_the_rows_that_have_every_word(visit: Open) -> None:
    page = visit(BOARD)
    page.get_by_label("Search").fill("EDM adversarial")
    assert column(page, 2) == [f"Adversarial training on EDM samples{end}" for end in ("", ", width=16")]
    assert page.locator(".tally").inner_text() == "2 of 13 rows"
    assert page.locator("tbody:visible").count() == 1
    page.get_by_label("Search").fill("no such method")
    assert page.locator("tr.row:visible").count() == 0 and page.locator(".empty").is_visible()
    page.get_by_role("button", name="Clear").click()
    assert page.locator("tr.row:visible").count() == 13 and not page.locator(".empty").is_visible()


@pytest.mark.parametrize(
    ("name", "option", "left"),
    [
        ("completeness", "preview (4)", 4),
        ("currency", "stale (1)", 1),
        ("origin", "measured (13)", 13),
        ("tag", "diffusion (2)", 2),
    ],
)
def test_filters_leave_the_rows_that_match(visit: Open, name: str, option: str, left: int) -> None:
    page = visit(BOARD)
    page.locator(f"select[name={name}]").select_option(label=option)
    assert page.locator("tr.row:visible").count() == left


def test_filters_and_search_add_up(visit: Open) -> None:
    page = visit(BOARD)
    flag = page.locator("select[name=flag]")
    label = next(t for t in flag.locator("option").all_text_contents() if t.startswith("zero-gradients"))
    flag.select_option(label=label)
    page.locator("select[name=completeness]").select_option(label="preview (4)")
    assert column(page, 2, 2) == ["random-resize"]
    page.get_by_label("Search").fill("distillation")
    assert page.locator("tr.row:visible").count() == 0


def test_columns_can_be_shown_and_hidden(visit: Open) -> None:
    page = visit(BOARD)
    head = page.get_by_role("columnheader", name="Up to Square")
    assert head.count() == 0
    page.get_by_role("checkbox", name="each attack").check()
    assert head.is_visible()
    page.get_by_role("checkbox", name="cost").uncheck()
    assert page.get_by_role("columnheader", name="Device time").count() == 0


def test_without_javascript_the_table_is_whole(chromium: Any, published: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((published / BOARD).as_uri())
    assert page.locator("tr.row:visible").count() == 13
    assert page.locator(".controls:visible").count() == 0
    assert page.locator("th.part:visible").count() == 4
    context.close()


def test_links_lead_from_the_index_to_a_board_to_a_method_and_back(visit: Open) -> None:
    page = visit("index.html")
    page.get_by_role("link", name="MNIST 16x16, linf 3/20").click()
    assert page.locator("h1").inner_text() == "MNIST 16x16, linf 3/20"
    page.get_by_role("link", name="PGD adversarial training", exact=True).click()
    assert page.locator("h1").inner_text() == "PGD adversarial training"
    page.locator(".result h2 a").first.click()
    page.get_by_role("link", name="trustdm", exact=True).click()
    assert page.url.endswith("index.html")


def test_menus_open_one_at_a_time_by_keyboard_and_lead_to_their_boards(visit: Open) -> None:
    page = visit("index.html")
    menus = page.locator("header nav details")
    assert menus.locator("a:visible").count() == 0
    menus.first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert menus.first.locator("a:visible").count() == 3
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "MNIST 16x16, linf 3/20"
    page.keyboard.press("Enter")
    page.wait_for_url("**/suites/mnist16-linf.html")


def test_menus_need_no_javascript(chromium: Any, published: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((published / "index.html").as_uri())
    page.locator("header nav summary").first.click()
    page.locator("header nav details a", has_text="Digits").click()
    assert page.locator("h1").inner_text() == "Digits, linf 1/10"
    context.close()


def test_pictures_are_loaded_and_keep_their_pixels(visit: Open) -> None:
    page = visit("methods/mnist16-adversarial.html")
    image = page.locator(".gallery .side img").first
    image.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.gallery .side img').naturalWidth === 16")
    assert image.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"
    assert image.bounding_box()["width"] > 60


def test_no_page_scrolls_sideways_on_a_phone(visit: Open, published: Path) -> None:
    methods = sorted((published / "methods").glob("[amu]*.html"))
    paths = ["index.html", "suites/cifar10-linf.html", BOARD, *(f"methods/{p.name}" for p in methods)]
    page = visit(paths[0], width=360)
    for path in paths:
        page.goto((published / path).as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_a_wide_table_scrolls_inside_its_own_frame(visit: Open) -> None:
    frame = visit(BOARD, width=700).locator(".scroll").first
    assert frame.evaluate("f => f.scrollWidth > f.clientWidth")


@pytest.mark.parametrize("width", [360, 390])
def test_on_a_phone_every_number_is_in_view_with_its_label(visit: Open, width: int) -> None:
    page = visit(BOARD, width=width)
    frame = page.locator(".scroll").first
    assert frame.evaluate("f => f.scrollWidth <= f.clientWidth")
    cells = page.locator("tr.row").first.locator("td.main:visible, td.rank:visible, td.method:visible").all()
    boxes = [cell.bounding_box() for cell in cells]
    assert len(boxes) == 5 and all(b["x"] >= 0 and b["x"] + b["width"] <= width and b["width"] > 60 for b in boxes)
    assert "Clean accuracy" in page.locator("tr.row td.main").first.evaluate(
        "e => getComputedStyle(e, '::before').content"
    )


def test_on_a_phone_rows_are_sorted_and_searched_too(visit: Open) -> None:
    page = visit(BOARD, width=360)
    page.locator("thead").get_by_role("button", name="Clean accuracy").click()
    values = shares(page.locator("tbody").first.locator("tr.row td.main .value").all_inner_texts()[::3])
    assert len(values) == 8 and values == sorted(values, reverse=True)
    page.get_by_label("Search").fill("EDM adversarial")
    assert page.locator("tr.row:visible").count() == 2 and page.locator("tbody:visible").count() == 1


@pytest.mark.parametrize("width", [360, 590, 1280])
def test_the_text_of_charts_can_be_read(visit: Open, width: int) -> None:
    page = visit(BOARD, width=width)
    assert page.locator(".chart svg:visible").count() == 2
    scale = "(t) => t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width"
    for chart in page.locator(".chart svg:visible").all():
        text = chart.locator("text").first
        assert 12 * text.evaluate(scale) >= 10


def test_what_a_finger_must_hit_is_large_enough_on_a_phone(visit: Open) -> None:
    page = visit(BOARD, width=360)
    for control in page.locator(
        ".controls input[type=search], .controls select, .controls button, .toggles label"
    ).all():
        assert control.bounding_box()["height"] >= 40
    for button in page.locator("thead button:visible").all():
        assert button.bounding_box()["height"] >= 24


def luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)" (WCAG 2.1)."""
    parts = [int(p) / 255 for p in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


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
@pytest.mark.parametrize("path", ["index.html", BOARD, "methods/unstable-net.html"])
def test_every_text_has_enough_contrast(visit: Open, path: str, scheme: str) -> None:
    page = visit(path, scheme=scheme)
    pairs = {tuple(pair) for pair in page.evaluate(COLOURS)}
    assert len(pairs) > 5
    for ink, paper, where in pairs:
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (where, ink, paper)


def test_the_dark_scheme_is_dark_and_charts_follow(visit: Open) -> None:
    found = []
    for scheme in ("light", "dark"):
        page = visit(BOARD, scheme=scheme)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        axis = page.evaluate("getComputedStyle(document.querySelector('.chart svg text')).fill")
        found.append((luminance(paper), luminance(axis)))
    (light_paper, light_axis), (dark_paper, dark_axis) = found
    assert light_paper > 0.9 > light_axis and dark_paper < 0.05 < dark_axis


def test_hostile_text_does_nothing(visit: Open, hostile: str, fakes: list[Any]) -> None:
    page = visit(BOARD)
    page.get_by_role("checkbox", name="each attack").check()
    assert hostile[:20] in page.locator("table.board").inner_text()
    page.locator("tr.row .method a").filter(has_text="script").click()
    assert hostile in page.locator("h1").inner_text()
    assert page.locator("main script, main img[src=x]").count() == 0


def test_the_first_tab_stop_skips_to_the_content(visit: Open) -> None:
    page = visit("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
