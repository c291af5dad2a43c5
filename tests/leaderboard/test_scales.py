from __future__ import annotations

import math

import pytest

from trustdm.leaderboard.scales import Scale, scale


def test_a_linear_scale_divides_its_length_evenly() -> None:
    axis = Scale(2.0, 10.0)
    assert [axis.place(v) for v in (2, 4, 10)] == [0.0, 0.25, 1.0]
    assert (axis.place(-5), axis.place(99)) == (0.0, 1.0)


def test_a_logarithmic_scale_gives_every_factor_the_same_length() -> None:
    axis = Scale(1.0, 1000.0, log=True)
    assert [axis.place(v) for v in (1, 10, 100, 1000)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert (axis.place(0.0), axis.place(-1.0), axis.place(5000.0)) == (0.0, 0.0, 1.0)


def test_values_that_differ_much_get_a_logarithmic_scale_and_others_do_not() -> None:
    assert scale([6.0, 380.0]) == Scale(6.0, 380.0, log=True)
    assert scale([6.0, 50.0]) == Scale(6.0, 50.0)
    assert scale([-1e-4, 5e-3]) == Scale(-1e-4, 5e-3)


def test_what_is_not_finite_does_not_count_and_nothing_gives_no_scale() -> None:
    assert scale([1.0, math.nan, 4.0, math.inf]) == Scale(1.0, 4.0)
    assert scale([]) is None and scale([math.nan]) is None


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_a_single_value_lies_in_the_middle(value: float) -> None:
    axis = scale([value])
    assert axis is not None and axis.place(value) == pytest.approx(0.5)


def test_a_margin_is_free_at_both_ends() -> None:
    linear, log = scale([0.0, 10.0], margin=0.1), scale([1.0, 100.0], margin=0.1)
    assert linear == Scale(-1.0, 11.0)
    assert log is not None and log.low == pytest.approx(10**-0.2) and log.high == pytest.approx(100 * 10**0.2)


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Scale(0, 10), [0, 2, 4, 6, 8, 10]),
        (Scale(0.62, 1.0), [0.7, 0.8, 0.9, 1.0]),
        (Scale(1, 1000, log=True), [1, 10, 100, 1000]),
        (Scale(5, 80, log=True), [5, 10, 20, 50]),
        (Scale(3.2, 3.6, log=True), []),
        (Scale(1e-4, 1e12, log=True), [1e-4, 0.1, 100, 1e5, 1e8, 1e11]),
    ],
)
def test_ticks_are_round_and_few(axis: Scale, ticks: list[float]) -> None:
    assert axis.ticks() == pytest.approx(ticks)
