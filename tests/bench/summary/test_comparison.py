"""Three verdicts, and what n could separate: closed forms, then naive loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from trustdm.bench import stats
from trustdm.bench.summary import comparison as c


def test_pair_errors_are_those_of_the_differences() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 30))
    values[2, 5] = np.nan
    errors = c.pair_errors(values)
    for i, j in itertools.combinations(range(4), 2):
        difference = (values[i] - values[j])[~np.isnan(values[i] - values[j])]
        assert errors[i, j] == pytest.approx(difference.std(ddof=1) / np.sqrt(len(difference)), rel=1e-12)
    assert np.allclose(errors, errors.T)


def test_rows_that_share_fewer_than_two_examples_are_not_known_to_be_equal() -> None:
    values = np.array([[1.0, 2.0, np.nan], [np.nan, 2.0, 5.0], [np.nan, 3.0, 4.0]])
    errors = c.pair_errors(values)
    assert errors[0, 1] == errors[1, 0] == np.inf and errors[1, 2] == pytest.approx(1.0)
    apart = c.pair_errors(np.array([[1.0, np.nan], [np.nan, 1.0]]))
    none = np.zeros((2, 2), dtype=bool)
    assert c.SEPARATED not in (said := c.against_best(none, np.zeros((2, 2)), apart, 2.0, np.full((2, 2), 9.0)))
    assert said[1] == c.OPEN and c.smallest_separable(apart, 0.05, None, binary=False) is None


def test_errors_that_are_not_known_separate_nothing() -> None:
    errors = c.z_errors([float("nan"), 3.0, 4.0])
    assert c.smallest_separable(errors, 0.05, None, binary=False) == pytest.approx(c.quantile(0.05, 3) * 5.0)
    assert c.smallest_separable(c.z_errors([float("nan"), 3.0]), 0.05, None, binary=False) is None
    assert c.smallest_separable(np.ones((2, 2)), 0.05, 0, binary=True) is None


def test_errors_of_independent_statistics_add_in_squares() -> None:
    assert c.z_errors([3.0, 4.0])[0, 1] == 5.0


@pytest.mark.parametrize(("m", "n"), [(2, 64), (3, 1000), (14, 200)])
def test_the_least_separable_share_is_what_mcnemar_can_reject(m: int, n: int) -> None:
    pairs, level = m * (m - 1) // 2, 0.05
    least = c.smallest_separable(np.ones((m, m)), level, n, binary=True)
    assert least is not None
    count = round(least * n)
    assert stats.mcnemar_exact(count, 0) <= level / pairs < stats.mcnemar_exact(count - 1, 0)


def test_with_few_examples_nothing_can_be_separated() -> None:
    assert c.smallest_separable(np.ones((2, 2)), 0.05, 4, binary=True) == 1.0


def test_other_values_have_the_least_corrected_half_width() -> None:
    errors = np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 3.0], [1.0, 3.0, 0.0]])
    assert c.smallest_separable(errors, 0.05, None, binary=False) == pytest.approx(c.quantile(0.05, 3) * 1.0)
    assert c.quantile(0.05, 1) == pytest.approx(1.959964, abs=1e-6)


def test_a_row_alone_has_nothing_to_be_separated_from() -> None:
    assert c.smallest_separable(np.zeros((1, 1)), 0.05, 100, binary=True) is None


def test_margins() -> None:
    assert (c.margins("share", [0.5, 0.9], None) == 0.02).all()
    assert (c.margins("share", [0.5, 0.9], 0.1) == 0.1).all()
    assert c.margins("distance", [10.0, -30.0], None)[0, 1] == pytest.approx(3.0)


def verdicts(gap: list[list[float]], error: float, better: list[list[bool]], margin: float = 0.02):
    size = len(gap)
    return c.against_best(
        np.array(better), np.array(gap), np.full((size, size), error), 2.0, np.full((size, size), margin)
    )


def test_the_best_has_no_verdict_and_the_others_have_one_of_three() -> None:
    gap = [[0.0, 0.5, 0.001], [-0.5, 0.0, -0.499], [-0.001, 0.499, 0.0]]
    better = [[False, True, False], [False, False, False], [False, True, False]]
    assert verdicts(gap, 0.001, better) == [None, c.SEPARATED, c.TIED]
    assert verdicts(gap, 0.1, better) == [None, c.SEPARATED, c.OPEN]


def test_no_difference_is_no_tie_while_its_interval_is_wide() -> None:
    gap, better = [[0.0, 0.0], [0.0, 0.0]], [[False, False], [False, False]]
    assert verdicts(gap, 0.011, better)[1] == c.OPEN
    assert verdicts(gap, 0.009, better)[1] == c.TIED
