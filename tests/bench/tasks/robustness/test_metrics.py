"""Accuracy, survival and the curve of a cell; several draws put together in three ways."""

from __future__ import annotations

import pytest
from toyboard import METRICS, SUITE, both, cell, records, toy

from trustdm.bench import stats
from trustdm.bench.records import Records
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.facts import facts
from trustdm.bench.tasks.robustness.metrics import accuracy, curve, passes, survival


def test_the_curve_of_a_cell():
    _, attacked = both(1, "CCCW", "CCW-", "CW--")
    points = curve(CellView(SUITE, attacked))
    assert [p for p, _ in points] == ["clean", "apgd-ce", "square"]
    assert [e.value for _, e in points] == [0.75, 0.5, 0.25]
    assert {e.n for _, e in points} == {4}


def test_accuracy_is_at_one_probe_and_survival_over_all_of_them():
    view = CellView(SUITE, both(1, "CCCW", "CCW-", "CW--")[1])
    robust, apgd = SUITE.metrics[1], SUITE.metrics[2]
    assert (survival(view, robust).estimate.value, survival(view, apgd).estimate.value) == (0.25, 0.5)
    assert accuracy(view, robust).estimate.value == 0.75  # no probe named: the clean image
    assert accuracy(CellView(SUITE, cell(1, "attacked", records(SUITE.test, square="CCCC"))), robust) is None


@pytest.mark.parametrize(("over", "value"), [("mean", 8 / 12), ("worst", 1 / 4), ("majority", 3 / 4)])
def test_draws_are_put_together_as_the_suite_says(over, value):
    """Right in 3, 2, 2 and 1 of 3 draws; a share of draws is clustered, one verdict an example is not."""
    draws = Records.concat([records(SUITE.test, d, clean=x) for d, x in enumerate(["CCCC", "CCWW", "CWCW"])])
    suite = toy(SUITE.test, metrics=((*METRICS[0], {"over": over}), *METRICS[1:]))
    estimate = facts(suite, cell(1, "clean", draws, suite)).scores["clean_accuracy"].estimate
    assert estimate.value == pytest.approx(value) and estimate.n == 4
    if over != "mean":
        low, high = stats.wilson(round(4 * value), 4)
        assert (estimate.low, estimate.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


@pytest.mark.parametrize(("images", "value"), [(8.0, 2.0), (4.0, 1.0), (0.0, None)])
def test_passes_are_network_evaluations_an_image(images, value):
    spec = MetricSpec.model_validate(
        {"name": "passes", "evaluation": "clean", "statistic": "passes", "direction": "lower"}
    )
    counts = {"network_images": images, "classified_images": 4.0}
    score = passes(CellView(SUITE, cell(1, "clean", records(SUITE.test, clean="CCCC"), diagnostics=counts)), spec)
    assert (score and score.estimate.value) == value
    assert passes(CellView(SUITE, cell(1, "clean", records(SUITE.test, clean="CCCC"))), spec) is None
