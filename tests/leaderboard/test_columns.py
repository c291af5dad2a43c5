from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from trustdm.bench.plugins import load_suite
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.types import Estimate, Origin
from trustdm.leaderboard import columns
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.boardview import Baseline, BoardView, Place


class Switched(BoardView):
    """A switch of its own for every metric but the first."""

    def place(self, suite: Suite, metric: MetricSpec) -> Place:
        return Place() if metric is suite.metrics[0] else Place("more", f"only {metric.name}")


@pytest.fixture
def switched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Suite]:
    view = Switched()
    monkeypatch.setattr(columns, "view_of", lambda suite: view)
    yield load_suite("cifar10-certified")


def test_main_columns_come_first_then_the_others_then_costs() -> None:
    heads = columns.columns(load_suite("mnist16-linf"))
    assert [head.group for head in heads] == ["main"] * 3 + ["part"] * 4 + ["cost"] * 4 + ["count"]
    assert heads[0].label == "Clean accuracy" and heads[2].label == "Robust accuracy (AutoAttack)"
    assert {head.classes for head in heads[3:7]} == {"part switch-1"} and heads[7].classes == "cost cost"


def test_more_switches_than_the_sheet_knows_share_the_last(switched: Suite) -> None:
    more = [head.switch for head in columns.columns(switched) if head.group == "more"]
    assert more[:8] == [f"switch-{k}" for k in range(1, 9)] and set(more[8:]) == {"switch-8"}
    toggles = columns.toggles(switched)
    assert [toggle.name for toggle in toggles] == [*(f"switch-{k}" for k in range(1, 9)), "cost"]
    assert toggles[7].label.count("only ") == len(switched.metrics) - 8 and not toggles[0].shown


def test_costs_are_hidden_where_the_view_says_so() -> None:
    assert not columns.toggles(load_suite("digits-generation"))[-1].shown
    assert columns.toggles(load_suite("digits-linf"))[-1].shown


def test_the_cell_of_the_ranking_metric_alone_says_what_a_mean_was_taken_over(generators: Board) -> None:
    keys = [head.key for head in columns.columns(generators.suite)]
    cells = dict(zip(keys, columns.cells(generators, generators.entries[0]), strict=True))
    assert "3 sets" in cells["frechet_10"].note and cells["frechet_5"].note == cells["kid_10"].note == ""


def test_lines_that_are_no_methods_have_values_in_their_columns_only(generators: Board) -> None:
    line = Baseline("Chance", "", {"precision_10": Estimate(0.5, 0.4, 0.6, 7)})
    cells = columns.baseline_cells(generators, line)
    heads = columns.columns(generators.suite)
    assert len(cells) == len(heads)
    assert [h.key for h, cell in zip(heads, cells, strict=True) if cell.sort is not None] == ["precision_10"]


def test_baselines_fit_on_the_axes(generators: Board) -> None:
    assert columns.axes(generators) == generators.scales
    floor = min(e.row.metrics["frechet_10"].low for e in generators.entries if "frechet_10" in e.row.metrics)
    assert generators.scales["frechet_10"].low <= floor


def test_costs_that_a_publication_does_not_say_are_dashes(dives: Board) -> None:
    entry = dives.entries[0]
    row = replace(entry.row, origin=Origin.REPORTED, cost=replace(entry.row.cost, forwards=0))
    forward, device, count = columns.cells(dives, replace(entry, row=row))[-3:]
    assert (forward.sort, count.text) == (None, "12") and device.sort is not None
    nothing = columns.cells(dives, replace(entry, row=replace(entry.row, n=0)))[-3:]
    assert [cell.sort for cell in nothing] == [None, None, 0]
