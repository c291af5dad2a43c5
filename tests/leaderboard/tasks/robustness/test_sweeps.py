"""Rows that differ in one number alone become a chart."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

from trustdm.bench.plugins import load_suite
from trustdm.bench.types import Estimate
from trustdm.leaderboard.boards import Entry
from trustdm.leaderboard.tasks.robustness.sweeps import columns, sweep_charts, sweeps

SUITE = load_suite("digits-purification")


def entry(t: float, clean: float, robust: float, **more: Any) -> Entry:
    """A row as the chart looks at it."""
    row = SimpleNamespace(
        method=more.pop("method", "purify"),
        method_version="1",
        completeness=more.pop("completeness", "full"),
        currency=more.pop("currency", "current"),
        seed=0,
        params=(("classifier", "c"), ("steps", more.pop("steps", 4)), ("t", t)),
        metrics={
            name: Estimate(value, value - 0.05, value + 0.05, 128)
            for name, value in (
                ("clean_accuracy", clean),
                ("robust_accuracy", robust),
                ("transfer_accuracy", robust + 0.1),
            )
        },
    )
    return Entry(row, ())  # type: ignore[arg-type]


SWEPT = [entry(0.3, 0.6, 0.3), entry(0.03, 0.95, 0.5), entry(0.1, 0.9, 0.6)]


def test_a_sweep_is_three_rows_that_differ_in_one_number_by_its_value() -> None:
    (found,) = sweeps([*SWEPT, entry(0.1, 0.9, 0.6, method="other"), entry(0.2, 0.8, 0.5, steps=8)])
    assert found.name == "t" and [value for value, _ in found.entries] == [0.03, 0.1, 0.3]
    assert found.rest == (("classifier", "c"), ("steps", 4))


def test_rows_that_are_not_comparable_are_no_sweep() -> None:
    assert sweeps(SWEPT[:2]) == []
    assert sweeps([*SWEPT[:2], entry(0.1, 0.9, 0.6, completeness="preview")]) == []
    assert sweeps([*SWEPT[:2], entry(0.1, 0.9, 0.6, currency="stale")]) == []


def test_means_are_drawn_clean_static_and_robust() -> None:
    assert [label.partition(":")[0] for _, label in columns(SUITE)] == ["clean", "robust", "static"]
    assert {name for name, _ in columns(SUITE)} == {"clean_accuracy", "robust_accuracy", "transfer_accuracy"}


def test_the_chart_says_every_number() -> None:
    board: Any = SimpleNamespace(suite=SUITE, entries=tuple(SWEPT))
    (chart,) = sweep_charts("x", board)
    titles = {e.text or "" for e in ElementTree.fromstring(chart.svg).iter("{http://www.w3.org/2000/svg}title")}
    assert "t = 0.1, clean: 90.0% [85.0, 95.0], n = 128" in titles and len(titles) == 9
    assert chart.title == "What t trades" and "classifier=c, steps=4" in chart.caption


def test_hostile_parameters_stay_text() -> None:
    hostile = [replace(each, row=SimpleNamespace(**{**vars(each.row), "method": "</svg><script>"})) for each in SWEPT]
    board: Any = SimpleNamespace(suite=SUITE, entries=tuple(hostile))
    (chart,) = sweep_charts("x", board)
    assert {e.tag.rpartition("}")[2] for e in ElementTree.fromstring(chart.svg).iter()} <= {
        "svg",
        "g",
        "path",
        "line",
        "text",
        "title",
    }


def test_a_board_without_a_sweep_has_no_chart() -> None:
    board: Any = SimpleNamespace(suite=SUITE, entries=tuple(SWEPT[:2]))
    assert sweep_charts("x", board) == ()
