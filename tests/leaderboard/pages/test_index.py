"""The front page: boards by family, the measured ones first, and a navigation that needs no JavaScript."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from trustdm.bench.plugins import load_suite, stored_suite
from trustdm.bench.records import LazyRecords
from trustdm.bench.types import Estimate
from trustdm.leaderboard import render, text
from trustdm.leaderboard.boards import Board, Site
from trustdm.leaderboard.pages.index import card, index_page


def soup(site: Path, path: str) -> BeautifulSoup:
    return BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser")


def words(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


@pytest.fixture(scope="module")
def index(published: Path) -> BeautifulSoup:
    return soup(published, "index.html")


def test_the_index_gives_the_best_full_row_of_each_board(index: BeautifulSoup, published: Path) -> None:
    stored = json.loads((published / "data/mnist16-linf.json").read_bytes())
    cards = {words(card.h3): card for card in index.select("li.card")}
    assert list(cards) == ["MNIST 16x16, linf 3/20", "Digits, linf 1/10"]
    full, preview = cards.values()
    best = max(
        (v for v in stored if v["completeness"] == "full" and v["rank_low"]),
        key=lambda v: v["metrics"]["autoattack_accuracy"]["value"],
    )
    assert words(full.select_one(".figure")) == text.estimate(Estimate(**best["metrics"]["autoattack_accuracy"]))
    assert "Best full row, Robust accuracy (AutoAttack)" in words(full)
    assert "L∞ robustness, ε = 3/20" in words(full)
    assert (
        "9 full, 4 preview (1 of them not current)" in words(full)
        and "2026-11-20" in words(full)
        and "untested" not in words(full)
    )
    assert "0 full, 3 preview" in words(preview) and "untested" in words(preview)


def test_boards_without_rows_are_folded_below_their_family(index: BeautifulSoup) -> None:
    (family,) = index.select("section.family")
    assert words(family.h2) == "Adversarial robustness"
    (folded,) = family.select("details.folded")
    assert not folded.has_attr("open")
    assert words(folded.summary).startswith("1 board without a measured row (CIFAR-10, linf 8/255)")
    assert [str(a["href"]) for a in folded.select("li a")] == ["suites/cifar10-linf.html"]


def many_suites(count: int) -> Site:
    """A site of that many empty boards, of three tasks by turns."""
    shipped = [load_suite(name) for name in ("mnist16-linf", "mnist16-certified", "digits-generation")]
    boards = []
    for at in range(count):
        raw = json.loads(shipped[at % 3].content) | {"name": f"suite-{at}", "title": f"Suite {at}"}
        boards.append(Board(stored_suite(json.dumps(raw), str(shipped[at % 3].source)), ()))
    return Site(tuple(boards))


def test_the_navigation_of_sixty_suites_is_one_menu_for_each_family() -> None:
    page = BeautifulSoup(render.html(index_page(many_suites(60))).decode(), "html.parser")
    menus = page.select("header nav > ul > li")
    assert [words(menu.summary) for menu in menus] == [
        "Adversarial robustness",
        "Certified robustness",
        "Image generation",
    ]
    for at, menu in enumerate(menus):
        assert not menu.details.has_attr("open")  # type: ignore[union-attr]
        assert [words(a) for a in menu.select("li a")] == [f"Suite {k}" for k in range(at, 60, 3)]
    assert [words(h) for h in page.select("section.family h2")] == [words(menu.summary) for menu in menus]


def test_a_menu_says_which_page_it_is(published: Path) -> None:
    page = soup(published, "suites/digits-linf.html")
    (menu,) = page.select("header nav details")
    assert menu.summary is not None and menu.summary["class"] == ["here"]
    assert [words(a) for a in menu.select("a[aria-current=page]")] == ["Digits, linf 1/10"]


def test_a_site_without_boards_says_what_to_do() -> None:
    page = BeautifulSoup(render.html(index_page(Site(()))).decode(), "html.parser")
    assert "run a suite, then publish again" in words(page.main)


def test_records_are_counted_without_being_read(generators: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = sum(part.result.count or 0 for entry in generators.entries for part in entry.parts)
    assert counted > 0
    monkeypatch.setattr(LazyRecords, "__get__", lambda *_: pytest.fail("records were read"))
    assert index_page(Site((generators,))).stats[2] == (f"{counted:,}", "records stored")


def test_the_example_on_the_index_is_a_valid_plugin(published: Path) -> None:
    code = soup(published, "index.html").select_one(".steps pre code")
    assert code is not None
    given: dict[str, Any] = {"my_network": len}
    exec(code.get_text(), given)
    assert given["CARD"].name == "my-defence" and given["load"]() is len


def test_the_index_counts_the_rows_that_a_board_shows(index: BeautifulSoup, published: Path) -> None:
    for shown_card in index.select("li.card"):
        board = soup(published, str(shown_card.select("a")[0]["href"]))
        shown = {words(o).rpartition(" (")[0]: words(o) for o in board.select("select[name=completeness] option")}
        full, preview = (shown.get(kind, "(0)").rpartition("(")[2].rstrip(")") for kind in ("full", "preview"))
        assert f"{full} full, {preview} preview" in words(shown_card)


def test_variants_of_a_method_are_rows_of_their_own(generators: Board) -> None:
    rows = [replace(generators.entries[0], row=replace(generators.entries[0].row, params=(("a", k),))) for k in (1, 2)]
    made = card(replace(generators, entries=tuple(rows)))
    assert made.full + made.preview == 2 and made.outdated == 0
