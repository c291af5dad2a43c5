"""The page of a study: points from two boards, with links, and what it shows where there are none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup, Tag

from trustdm.bench.studies import Study
from trustdm.leaderboard import render, text
from trustdm.leaderboard.boards import Board, Entry, Site
from trustdm.leaderboard.pages import study as pages
from trustdm.leaderboard.pages.index import index_page

STUDY = Study.model_validate(
    {
        "name": "deep-or-far",
        "title": "Deep or far?",
        "question": "Do those who dive deep swim far?",
        "x": {"suite": "rope", "metric": "held_pool"},
        "y": {"suite": "rope", "metric": "distance_sea"},
    }
)


def soup(site: Site, study: Study = STUDY) -> BeautifulSoup:
    return BeautifulSoup(render.html(pages.study_page(site, study)).decode(), "html.parser")


def words(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


def entry(board: Board, method: str) -> Entry:
    return next(e for e in board.entries if e.row.method == method)


@pytest.fixture
def page(dives: Board) -> BeautifulSoup:
    return soup(Site((dives,), studies=(STUDY,)))


def test_every_pair_is_a_point_with_both_numbers_and_links(page: BeautifulSoup, dives: Board) -> None:
    lines = {words(tr.th): tr for tr in page.select("tbody tr")}
    assert list(lines) == ["shallow", "tired", "deep", "short-rope"]  # by the first value
    held, distance = (entry(dives, "deep").row.metrics[name] for name in ("held_pool", "distance_sea"))
    shown, interval = text.measure(distance.value, distance.low, distance.high)
    cells = [words(td) for td in lines["deep"].select("td")]
    assert cells == ["deep", text.estimate(held), "deep", f"{shown} {interval}"]
    assert {str(a["href"]) for a in lines["deep"].select("a")} == {"../methods/deep.html"}


def test_the_axes_lead_to_their_boards_and_the_chart_has_every_row(page: BeautifulSoup) -> None:
    assert words(page.h1) == "Deep or far?" and words(page.select_one(".lead")) == STUDY.question
    facts = [words(div) for div in page.select("dl.facts > div")]
    assert facts == ["Across Held pool, Down the rope", "Up Distance sea, Down the rope"]
    assert {str(a["href"]) for a in page.select("dl.facts a")} == {"../suites/rope.html"}
    (chart,) = page.select("figure.chart")
    assert words(chart.h2) == "Distance sea against Held pool"
    titles = {t.get_text() for t in chart.select(".wide svg title")}
    assert len(titles) == 4 and any(t.startswith("deep: Held pool 91.7% [86.7, 96.7], Distance sea ") for t in titles)


def test_the_front_page_and_the_menu_lead_to_it(page: BeautifulSoup, dives: Board) -> None:
    index = BeautifulSoup(render.html(index_page(Site((dives,), studies=(STUDY,)))).decode(), "html.parser")
    links = [str(a["href"]) for a in index.select("section[aria-labelledby=studies] a")]
    assert links == ["studies/deep-or-far.html"] and STUDY.question in words(index.main)
    (here,) = page.select("header nav a[aria-current=page]")
    assert (words(here), str(here["href"])) == ("Deep or far?", "../studies/deep-or-far.html")


def test_boards_without_a_common_method_give_no_points(dives: Board) -> None:
    bare = soup(Site((replace(dives, entries=()),)))
    assert bare.select("figure") == [] and "No method has rows on both boards yet." in words(bare.main)


def test_a_long_study_says_that_the_chart_is_cut(dives: Board) -> None:
    first = entry(dives, "deep")
    many = tuple(
        replace(first, row=replace(first.row, method=f"m{at:02}", cells=(100 + at,))) for at in range(pages.MOST + 3)
    )
    page = soup(Site((replace(dives, entries=many),)))
    assert len(page.select("tbody tr")) == pages.MOST + 3
    assert f"The chart shows the first {pages.MOST} of {pages.MOST + 3} pairs." in words(page.select_one("figcaption"))
    assert len(page.select("figure .wide svg title")) == pages.MOST


def test_a_board_that_is_not_there_is_named(generators: Board) -> None:
    with pytest.raises(LookupError, match="suite rope is not on the site"):
        pages.study_page(Site((generators,)), STUDY)
