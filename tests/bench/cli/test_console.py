"""Tables and lines of the terminal: units, marks, ranks, plain text."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from toyboard import BIG, SUITE, both, lucky

from trustdm.bench.cli import console
from trustdm.bench.plugins import load_suite
from trustdm.bench.summary.rows import rows
from trustdm.bench.types import Estimate, Origin


def printed(table: object) -> str:
    out = io.StringIO()
    Console(file=out, width=220, highlight=False).print(table)
    return out.getvalue()


def row(**changes):
    (found,) = rows(SUITE, both(1, "CCCW", "CCW-", "CW--", method_params=(("sigma", 0.5),)))
    return replace(found, **changes)


def test_a_board_has_the_headline_of_its_task() -> None:
    text = printed(console.board(SUITE, [row()]))
    heading = next(line for line in text.splitlines() if "rank" in line)
    assert [h.strip() for h in heading.strip("┃ \n").split("┃")] == [
        "rank",
        "method",
        "clean",
        "robust",
        "n",
        "marks",
        "flags",
    ]
    assert "net:sigma=0.5" in text and "75.0 [" in text and "25.0 [" in text and "square-helps" in text


def test_a_metric_that_no_row_has_is_no_column() -> None:
    text = printed(console.board(SUITE, [row(metrics={"clean_accuracy": Estimate(0.5, 0.4, 0.6, 4)})]))
    assert "clean" in text and "robust" not in text.split("net")[0]


@pytest.mark.parametrize(("low", "high", "text"), [(None, None, ""), (2, 2, "2"), (1, 3, "1-3")])
def test_ranks_are_intervals(low: int | None, high: int | None, text: str) -> None:
    assert console.rank(row(rank_low=low, rank_high=high)) == text


def test_marks_are_the_group_and_what_is_not_usual() -> None:
    assert console.marks(row()) == "full"
    assert console.marks(row(origin=Origin.CLAIMED, currency="stale", rank_group="")) == "full claimed stale"
    assert console.marks(row(caveat="a gate failed")) == "full not ranked"


def test_why_numbers_are_missing_and_rows_not_ranked() -> None:
    told = console.notes([row(errors=("kid: too few",)), row(caveat="a gate failed")])
    assert told == ["net:sigma=0.5: kid: too few", "net:sigma=0.5: not ranked: a gate failed"]


@pytest.mark.parametrize(
    ("name", "statistic", "estimate", "text"),
    [
        ("mnist16-generation", "frechet", Estimate(12.3456, 11.0, 13.9, 10), "12.3 [11, 13.9]"),
        ("mnist16-generation", "evaluations", Estimate(35.0, 35.0, 35.0, 10), "35"),
        ("mnist16-generation", "evaluations", Estimate(12345.6, 1.0, 2.0, 10), "12,346"),
        ("mnist16-certified", "certified-radius", Estimate(0.5678, 0.5, 0.6, 10), "0.568 [0.5, 0.6]"),
        ("digits-linf", "accuracy", Estimate(0.5, 0.25, 0.75, 10), "50.0 [25.0, 75.0]"),
    ],
)
def test_a_number_is_written_as_its_unit_asks(name: str, statistic: str, estimate: Estimate, text: str) -> None:
    suite = load_suite(name)
    spec = next(m for m in suite.metrics if m.statistic == statistic)
    assert console._estimate(suite, row(metrics={spec.name: estimate}), spec) == text
    assert console._estimate(suite, row(metrics={}), spec) == ""


def test_what_strangers_wrote_is_plain_text() -> None:
    text = printed(console.board(SUITE, [row(method="[/red]\x1b[31mloud")]))
    assert "[/red][31mloud" in text


@pytest.mark.parametrize(("seconds", "text"), [(12.4, "12 s"), (210.0, "3.5 min"), (7560.0, "2.1 h")])
def test_durations(seconds: float, text: str) -> None:
    assert console.duration(seconds) == text


def test_rows_that_tie_say_so() -> None:
    cells = lucky(1, np.arange(60) < 30, BIG, method="a") + lucky(3, np.arange(60) < 30, BIG, method="b")
    assert printed(console.board(BIG, rows(BIG, cells))).count("1-2") == 2
