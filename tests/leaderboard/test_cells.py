from __future__ import annotations

import pytest

from trustdm.bench.types import Estimate
from trustdm.leaderboard import cells
from trustdm.leaderboard.models import Bar, Cell
from trustdm.leaderboard.scales import Scale

HALF = Estimate(0.5, 0.4, 0.6, 100, "2 sets")


def test_a_share_is_percent_on_an_axis_of_percent_whatever_axis_is_given() -> None:
    expected = Cell("50.0%", "[40.0, 60.0]", 0.5, Bar(40.0, 50.0, 60.0))
    assert cells.value("share", HALF) == cells.value("share", HALF, Scale(0, 10)) == expected
    assert cells.share(Estimate(1.0, 0.9, 1.2, 5)).bar == Bar(90.0, 100.0, 100.0)


@pytest.mark.parametrize("unit", ["distance", "length", "bits"])
def test_other_units_are_numbers_with_a_bar_on_their_own_axis(unit: cells.Unit) -> None:
    assert cells.value(unit, HALF) == Cell("0.50", "[0.40, 0.60]", 0.5, None, "2 sets")
    assert cells.value(unit, HALF, Scale(0, 2)).bar == Bar(20.0, 25.0, 30.0)


def test_counts_have_no_bar() -> None:
    assert cells.value("count", Estimate(35.0, 35.0, 35.0, 9), Scale(0, 50)) == Cell("35", "", 35.0)


def test_what_is_not_there_is_a_dash_that_sorts_last() -> None:
    assert cells.value("share", None) is cells.NOTHING and cells.NOTHING.sort is None


def test_axes_hold_every_interval() -> None:
    axis = cells.axis("length", [HALF, Estimate(2.0, 0.0, 3.0, 9)])
    assert axis is not None and (axis.low, axis.high, axis.log) == (0.0, 3.0, False)
    assert cells.axis("share", [HALF]) is None and cells.axis("count", [HALF]) is None
    assert cells.axis("distance", []) is None


def test_an_interval_of_a_distance_that_was_cut_at_zero_leaves_a_logarithmic_axis() -> None:
    axis = cells.axis("distance", [Estimate(0.1, 0.0, 0.3, 9), Estimate(50.0, 40.0, 60.0, 9)])
    assert axis is not None and axis.log and (axis.low, axis.high) == (0.1, 60.0)


def test_differences_and_sentences() -> None:
    assert (
        cells.difference("share", 0.0123) == "1.2 percentage points" and cells.difference("length", 0.0191) == "0.019"
    )
    assert cells.line(HALF, "share") == "50.0% [40.0, 60.0]" and cells.line(Estimate(3, 3, 3, 1), "count") == "3"
