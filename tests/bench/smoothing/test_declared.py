"""Scores of a finished plan, and the questions it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from trustdm.bench.errors import UsageError
from trustdm.bench.smoothing.declared import SequentialSummary
from trustdm.bench.smoothing.sequential import Decisions, Plan

PLAN = Plan((0.0, 0.25, 0.5), 0.5, cap=1000)


def decided(certified: list[int], used: list[int]) -> Decisions:
    n = len(certified)
    return Decisions(np.array(certified), np.zeros(n, dtype=bool), np.array(used), np.array(used) == 1000)


SUMMARY = SequentialSummary(PLAN, decided([3, 2, 0, 1], [50, 1000, 20, 130]), np.array([True, True, True, False]))


def test_scores_of_the_declared_radii() -> None:
    assert [SUMMARY.certified_accuracy(r).value for r in PLAN.radii] == [0.5, 0.5, 0.25]
    assert SUMMARY.certified_accuracy(0.25, alpha=0.001).n == 4
    assert SUMMARY.abstention().value == 0.25


def test_draws_include_those_of_the_selection() -> None:
    assert SUMMARY.draws().value == 100 + 300
    assert SUMMARY.reduction() == 1100 / 400


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SUMMARY.certified_accuracy(0.3), r"^radius: .* radii \[0.0, 0.25, 0.5\], got 0.3; drawing stopped as"),
        (lambda: SUMMARY.certified_accuracy(0.25, alpha=0.01), r"^alpha: .* alpha 0.001, got 0.01; drawing stopped as"),
        (lambda: SUMMARY.average_certified_radius(), "^average certified radius: .* drawing stopped as"),
    ],
)
def test_other_questions_are_refused_in_one_line_with_the_reason(call, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        call()
    assert "group-sequential" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_abstention_needs_radius_zero() -> None:
    plan = Plan((0.25,), 0.5, cap=1000)
    with pytest.raises(UsageError, match="radius: expected what the plan declared"):
        SequentialSummary(plan, decided([1], [20]), np.array([True])).abstention()


def test_unfinished_or_other_images_are_refused() -> None:
    waiting = Decisions(np.array([0]), np.array([True]), np.array([10]), np.array([False]))
    with pytest.raises(UsageError, match="got 1 that need more draws"):
        SequentialSummary(PLAN, waiting, np.array([True]))
    with pytest.raises(UsageError, match=r"one value for each image, \(1,\), got \(2,\)"):
        SequentialSummary(PLAN, decided([1], [20]), np.array([True, False]))
