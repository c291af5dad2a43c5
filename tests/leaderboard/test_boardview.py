"""What a task that comes without a view shows, and what a view of its own changes."""

from __future__ import annotations

import csv
import io
import json
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from markupsafe import Markup

from trustdm.bench.errors import PluginError
from trustdm.bench.plugins import installed_tasks, load_suite, stored_suite
from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.contract import Task
from trustdm.bench.types import Estimate
from trustdm.leaderboard import boardview, columns, render
from trustdm.leaderboard.boards import Board, Entry, Site
from trustdm.leaderboard.boardview import Baseline, BoardView, Charts, FactWords, Place, view_of
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.pages.board import suite_page
from trustdm.leaderboard.pages.index import index_page
from trustdm.leaderboard.pages.method import method_page
from trustdm.leaderboard.sections import (
    ChartSection,
    Head,
    Image,
    Line,
    OnPage,
    Picture,
    PicturesSection,
    Sections,
    TableSection,
)
from trustdm.leaderboard.svg import Chart

MODULE = "toydiving_view"


def soup(page: Any) -> BeautifulSoup:
    return BeautifulSoup(render.html(page).decode(), "html.parser")


def words(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


def entry(board: Board, method: str) -> Entry:
    return next(entry for entry in board.entries if entry.row.method == method)


@pytest.fixture
def board_page(dives: Board) -> BeautifulSoup:
    return soup(suite_page(Site((dives,)), dives, []))


def test_a_task_without_a_view_has_the_default_one(dives: Board) -> None:
    assert view_of(dives.suite) is boardview.DEFAULT and type(boardview.DEFAULT) is BoardView


@pytest.mark.parametrize("task", sorted(installed_tasks()))
def test_every_installed_task_has_a_view_of_its_own(task: str) -> None:
    names = {"adversary": "digits-linf", "generation": "digits-generation", "certification": "mnist16-certified"}
    view = view_of(load_suite(names[task]))
    assert isinstance(view, BoardView) and type(view) is not BoardView


def test_the_suite_in_words_is_what_the_task_says(dives: Board) -> None:
    view = view_of(dives.suite)
    assert view.line(dives.suite) == "free diving"
    facts = {fact.term: fact.words for fact in view.facts(dives)}
    assert facts == {
        "What is asked": "free diving",
        "Details": "down a rope; without a bell",
        "Data": "dives",
        "Sizes": "12 test dives at full size, the first 2 in the demo",
        "If a method fails": "the dive counts as wrong",
    }


def test_metrics_are_described_by_their_task_and_placed_by_their_evaluation(dives: Board) -> None:
    view, (held, *_, bits) = view_of(dives.suite), dives.suite.metrics
    assert view.label(dives.suite, held) == "held pool" and columns.label(dives.suite, held) == "Held pool"
    assert view.describe(dives.suite, held) == (
        "Share of dives held for long enough (evaluation “pool”). Higher is better"
    )
    assert view.describe(dives.suite, held.model_copy(update={"probe": "dawn", "direction": "lower"})) == (
        "Share of dives held for long enough, at “dawn” (evaluation “pool”). Lower is better"
    )
    assert view.place(dives.suite, held) == Place() and view.place(dives.suite, bits).kind == "more"


def test_the_unit_of_a_metric_decides_the_text_the_bar_and_the_axis(dives: Board) -> None:
    keys = [column.key for column in columns.columns(dives.suite)]
    cells = dict(zip(keys, columns.cells(dives, entry(dives, "deep")), strict=True))
    held, breaths, distance, bits = (cells[name] for name in ("held_pool", "breaths_pool", "distance_sea", "bits_sea"))
    assert (held.text, held.detail) == ("91.7%", "[86.7, 96.7]")
    assert held.bar is not None and held.bar.value == pytest.approx(100 * 11 / 12)
    assert breaths.bar is None and breaths.text == "0.917"
    assert distance.bar is not None and distance.text == "9.500" and bits.bar is not None
    assert set(dives.scales) == {"depth_pool", "distance_sea", "bits_sea"}
    assert dives.scales["bits_sea"].place(9.55) == 1.0


def test_groups_are_headed_in_the_unit_of_the_task(dives: Board) -> None:
    heads = [view_of(dives.suite).headed(dives, group) for group in dives.groups]
    assert heads[0] == ("Full", "All 12 dives of the test list.")
    assert ("Full, not ranked", "Complete, but not comparable with the ranked rows: see the marks.") in heads
    assert heads[-1] == (
        "Preview, first 2 dives",
        "Only part of the 12 dives was run, so intervals are wide. Ranked among themselves, never with full rows.",
    )


def test_there_are_no_baselines_and_no_charts(dives: Board) -> None:
    view = view_of(dives.suite)
    assert view.baselines(dives, dives.groups[0]) == () and view.charts("x", dives) == Charts()
    assert view.load(None, dives.suite, []) is None  # type: ignore[arg-type]
    assert view.cell(dives, dives.entries[0], dives.suite.metrics[0]) is None


def test_costs_are_of_each_example(dives: Board) -> None:
    heads = [head for head in columns.columns(dives.suite) if head.group in ("cost", "count")]
    assert [head.label for head in heads] == ["Forward", "Device time", "Dives"]
    cells = columns.cells(dives, entry(dives, "deep"))[-3:]
    assert [(cell.text, cell.detail) for cell in cells] == [
        ("4", "per dive"),
        ("0.083 s", "per dive"),
        ("12", "of 12"),
    ]


def test_the_page_of_a_row_lists_its_first_examples_with_all_of_them_in_a_file(dives: Board) -> None:
    site = Site((dives,))
    view, files = method_page(site, "deep", [(dives, entry(dives, "deep"))])
    page = soup(view)
    (details,) = [d for d in page.select(".result details") if "Dive by dive" in words(d.summary)]
    assert [words(th) for th in details.select("thead th")] == ["Dive", "dive pool", "dive sea"]
    assert words(details.select("tbody tr")[0]) == "0 correct 0 +1.00 correct 0 +4.00"
    ((path, data),) = files.items()
    assert details.select_one(f'a[href="../{path}"]') is not None
    lines = list(csv.DictReader(io.StringIO(data.decode())))
    assert len(lines) == 24 and lines[0] == {
        "evaluation": "pool",
        "example": "0",
        "draw": "0",
        "probe": "dive",
        "status": "correct",
        "label": "0",
        "value": "1.0",
        "norm": "",
    }
    assert "Shape of an example 5" in words(page.select_one(".hero"))


def test_a_row_with_a_caveat_is_shown_and_says_why_it_is_not_ranked(dives: Board, board_page: BeautifulSoup) -> None:
    (line,) = [r for r in board_page.select("tr.row") if "short-rope" in words(r)]
    assert "not ranked: the rope was too short" in words(line.select_one(".method"))
    assert words(line.select_one(".rank")) == "– not ranked"
    view, _ = method_page(Site((dives,)), "short-rope", [(dives, entry(dives, "short-rope"))])
    assert "Not ranked: the rope was too short." in words(soup(view).select_one(".result"))
    assert board_page.select(".caveat") != [] and len(board_page.select(".caveat")) == 1


def test_each_row_says_how_it_compares_with_the_best_and_what_n_can_tell_apart(
    dives: Board, board_page: BeautifulSoup
) -> None:
    ranks = {words(r.select_one(".method a")): words(r.select_one(".rank")) for r in board_page.select("tr.row")}
    assert entry(dives, "shallow").row.comparison == "separated"
    assert (ranks["deep"], ranks["shallow"]) == ("1", "2 separated")
    amount = entry(dives, "deep").row.separable
    assert amount is not None
    note = words(board_page.select_one("p.separable"))
    assert note == (
        f"Differences of Held pool of at least {100 * amount:.2g} percentage points at n = 12 (full) can be told apart."
    )


def test_the_front_page_has_the_family_of_the_task(dives: Board) -> None:
    page = soup(index_page(Site((dives,))))
    (family,) = page.select("section.family")
    assert words(family.h2) == "Diving" and "How deep and how long." in words(family)
    assert words(family.select_one(".figure")) == "91.7% [86.7, 96.7]"


class Own(BoardView):
    """Says everything in its own way."""

    def line(self, suite: Suite) -> str:
        return "down we go"

    def facts(self, board: Board) -> Sequence[FactWords]:
        return [FactWords("Rope", "", code=True), FactWords("Sea", "see https://example.org/sea.")]

    def place(self, suite: Suite, metric: Any) -> Place:
        return Place("part" if metric.statistic == "bits" else "main", "bits" if metric.statistic == "bits" else "")

    def cell(self, board: Board, entry: Entry, metric: Any) -> Cell | None:
        return Cell("some", sort=1.0) if metric.statistic == "breaths" else None

    def baselines(self, board: Board, group: Sequence[Entry]) -> Sequence[Baseline]:
        return (
            Baseline("Chance", "a coin", {"held_pool": Estimate(0.5, 0.4, 0.6, 7)}),
            Baseline("Whales", "they do better", {"depth_pool": Estimate(900.0, 800.0, 1000.0, 7)}),
        )

    def sections(self, board: Board, entry: Entry, page: OnPage) -> Sections:
        cells = (Cell("1", state="correct"), Cell("2", "[1, 3]"))
        table = TableSection("Numbers", (Head("A", "what A is"), Head("B", detail="small")), (Line("one", cells),))
        image = Image(f"{page.root}assets/images/x.png", "a whale", 4, 3)
        pictures = PicturesSection("Pictures", (Picture((image, image), "two whales", absent="no third"),), across=3)
        chart = ChartSection("Charts", (Chart("Depth", "how deep", Markup("<svg></svg>")),), "one only")
        return Sections((table, pictures, chart), {"assets/images/x.png": b"png"})


@pytest.fixture
def own(dives: Board, diving: Task) -> Iterator[Board]:
    """The same board under a task whose view is in a module of its own."""
    module = sys.modules[MODULE] = types.ModuleType(MODULE)
    vars(module).update(VIEW=Own(), NOTHING=3)
    yield with_view(dives, diving, f"{MODULE}:VIEW")
    del sys.modules[MODULE]


def with_view(board: Board, task: Task, target: str) -> Board:
    """The board of a suite of the same task with another view."""
    kind = type("Viewed", (type(task),), {"view": target})
    suite = stored_suite(board.suite.content, "rope.toml", {task.key: kind()})
    return replace(board, suite=suite)


def test_a_view_is_found_by_its_name(own: Board) -> None:
    assert type(view_of(own.suite)) is Own
    assert columns.axes(own)["depth_pool"].place(1000.0) == 1.0 and own.scales["depth_pool"].high < 100


@pytest.mark.parametrize(
    ("target", "got"),
    [
        ("no_such_module:VIEW", "No module named 'no_such_module'"),
        (f"{MODULE}:OTHER", "has no attribute 'OTHER'"),
        (f"{MODULE}:NOTHING", "got int"),
    ],
)
def test_a_view_that_cannot_be_used_is_one_clear_line(own: Board, diving: Task, target: str, got: str) -> None:
    with pytest.raises(PluginError, match=f"task diving: view {target}: expected a BoardView, .*{got}"):
        view_of(with_view(own, diving, target).suite)


def test_a_view_words_the_board(own: Board) -> None:
    page = soup(suite_page(Site((own,)), own, []))
    assert words(page.select_one(".lead")) == "down we go"
    assert words(page.select_one("dl.facts")) == "Sea see https://example.org/sea ."
    assert [words(label) for label in page.select(".toggles label")] == ["bits", "cost"]
    assert [words(th) for th in page.select("th.part")] == ["Bits sea"]
    lines = page.select("table.board tbody")[0].select("tr.floor")
    assert [words(line.select_one(".method")) for line in lines] == ["Chance a coin", "Whales they do better"]
    assert words(lines[0].select_one("td.measured")) == "50.0% [40.0, 60.0]"
    assert all("some" in words(row) for row in page.select("tr.row"))
    assert "chance: 50.0% [40.0, 60.0] at n = 7" in words(soup(index_page(Site((own,)))).select_one("li.card"))


def test_a_view_adds_tables_pictures_and_charts_to_the_page_of_a_row(own: Board) -> None:
    view, files = method_page(Site((own,)), "deep", [(own, entry(own, "deep"))])
    assert files["assets/images/x.png"] == b"png" and len(files) == 2
    result = soup(view).select_one(".result")
    assert result is not None
    assert [words(h) for h in result.select("h3")] == ["Numbers", "Pictures", "Charts"]
    table = result.select_one('[aria-label="Numbers, Down the rope"] table')
    assert table is not None and words(table) == "A B small one 1 2 [1, 3]"
    assert table.select_one('th[title="what A is"]') is not None and table.select_one("td.st-correct") is not None
    assert len(result.select(".gallery img")) == 2 and "no third" in words(result.select_one(".gallery"))
    assert words(result.select_one("figure.chart")) == "Depth how deep"
    assert words(result.select("p.note")[-1]) == "All records as CSV"


def test_a_suite_whose_task_is_not_installed_cannot_be_read_here(dives: Board) -> None:
    assert json.loads(dives.suite.content)["diving"] == {"depth": 5}
    assert "diving" not in installed_tasks()
