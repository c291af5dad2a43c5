"""Stopping rules and their exact error, against rational arithmetic over all paths and naive loops."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from replay.passage import error, passage
from scipy.stats import binom

from trustdm.bench.smoothing.boundaries import (
    Boundary,
    binomial,
    curtailed,
    geometric,
    hopeless,
    mixture,
    spending_lower,
    spending_upper,
)

LOOKS = np.array([3, 5, 8, 12])
RULE = Boundary(LOOKS, np.array([4, 5, 7, 9]), np.array([0, -1, 2, 8]))


def by_hand(rule: Boundary, p: Fraction, give_up: bool) -> tuple[list[Fraction], list[Fraction], Fraction]:
    """The same in exact fractions, one draw at a time."""
    mass, certified, refuted, drawn = {0: Fraction(1)}, [], [], 0
    for look, least, most in zip(rule.looks, rule.certify, rule.refute, strict=True):
        while drawn < look:
            after: dict[int, Fraction] = {}
            for k, m in mass.items():
                after[k] = after.get(k, Fraction(0)) + m * (1 - p)
                after[k + 1] = after.get(k + 1, Fraction(0)) + m * p
            mass, drawn = after, drawn + 1
        certified.append(sum((m for k, m in mass.items() if k >= least), Fraction(0)))
        refuted.append(sum((m for k, m in mass.items() if k <= most and give_up), Fraction(0)))
        mass = {k: m for k, m in mass.items() if k < least and not (give_up and k <= most)}
    return certified, refuted, sum(mass.values(), Fraction(0))


@pytest.mark.parametrize("p", [Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(97, 100), Fraction(1)])
@pytest.mark.parametrize("give_up", [True, False])
def test_the_recursion_is_exact(p: Fraction, give_up: bool) -> None:
    found = passage(RULE, float(p), give_up=give_up)
    certified, refuted, undecided = by_hand(RULE, p, give_up)
    assert found.certified == pytest.approx([float(x) for x in certified], rel=1e-12, abs=1e-15)
    assert found.refuted == pytest.approx([float(x) for x in refuted], rel=1e-12, abs=1e-15)
    assert found.undecided == pytest.approx(float(undecided), rel=1e-12, abs=1e-15)
    mean = sum(int(n) * (a + b) for n, a, b in zip(LOOKS, certified, refuted, strict=True)) + 12 * undecided
    assert found.mean_draws(LOOKS) == pytest.approx(float(mean), rel=1e-12)


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (20, 0.02), (100_000, 0.6), (100_000, 0.99999), (20_000, 0.9772)])
def test_the_binomial_agrees_with_scipy_and_keeps_all_but_nothing(n: int, p: float) -> None:
    first, mass = binomial(n, p)
    k = first + np.arange(len(mass))
    theirs = binom.pmf(k, n, p)
    assert mass == pytest.approx(theirs, rel=1e-9, abs=1e-19)
    assert binom.cdf(first - 1, n, p) + binom.sf(k[-1], n, p) < 1e-20


@pytest.mark.parametrize("p", [0.5, 0.6915, 0.9772, 0.9999])
def test_many_looks_at_many_draws_add_up_to_one_binomial(p: float) -> None:
    looks = geometric(10, 100_000, 1.1)
    for least in binom.isf([0.5, 1e-3, 1e-5], 100_000, p).astype(int):
        certify = np.append(looks[:-1] + 1, least)
        found = passage(Boundary(looks, certify, np.full_like(looks, -1)), p)
        assert found.certified[-1] == pytest.approx(binom.sf(least - 1, 100_000, p), rel=1e-9)
        assert found.lost < 1e-16


@pytest.mark.parametrize("p0", [0.5, 0.6915, 0.8413, 0.9772, 0.99865])
def test_the_spending_boundary_spends_what_it_may_and_could_not_be_lower(p0: float) -> None:
    looks = geometric(10, 5000, 1.4)
    spend = 0.001 * np.arange(1, len(looks) + 1) / len(looks)
    certify = spending_upper(looks, p0, spend)
    never = np.full_like(looks, -1)
    spent = np.cumsum(passage(Boundary(looks, certify, never), p0).certified)
    assert np.all(spent <= spend)
    for j in range(len(looks)):
        lower = certify.copy()
        lower[j] -= 1
        greedy = np.cumsum(passage(Boundary(looks, lower, never), p0).certified)[j]
        assert greedy > spend[j] * (1 - 1e-5)


def test_the_lower_boundary_mirrors_the_upper_one() -> None:
    looks, p0 = geometric(10, 2000, 1.5), 0.8
    spend = 0.01 * np.arange(1, len(looks) + 1) / len(looks)
    assert np.array_equal(spending_lower(looks, p0, spend), looks - spending_upper(looks, 1 - p0, spend))


def test_reaching_the_upper_boundary_grows_with_p() -> None:
    p = np.linspace(0, 1, 41)
    for give_up in (True, False):
        reached = [passage(RULE, x, give_up=give_up).certified.sum() for x in p]
        assert np.all(np.diff(reached) >= -1e-15)


@pytest.mark.parametrize("p0", [0.5, 0.6915, 0.9772, 0.9999])
def test_the_mixture_stops_where_a_plain_loop_does(p0: float) -> None:
    looks, odds = np.array([1, 2, 7, 40, 333]), 2000.0
    upper, lower = mixture(looks, p0, odds)

    def evidence(k: int, n: int) -> float:
        beta = math.lgamma(k + 0.5) + math.lgamma(n - k + 0.5) - math.lgamma(n + 1) - math.log(math.pi)
        return beta - k * math.log(p0) - (n - k) * math.log(1 - p0)

    for n, up, low in zip(looks.tolist(), upper, lower, strict=True):
        reached = [k for k in range(n + 1) if evidence(k, n) >= math.log(odds)]
        assert up == min((k for k in reached if k > n * p0), default=n + 1)
        assert low == max((k for k in reached if k < n * p0), default=-1)


@pytest.mark.parametrize("p0", [0.5, 0.8413, 0.9772])
def test_the_mixture_errs_at_most_once_in_its_odds_even_if_looked_at_after_every_draw(p0: float) -> None:
    looks = np.arange(1, 1501)
    upper, lower = mixture(looks, p0, 200.0)
    rule = Boundary(looks, upper, lower)
    assert 0 < error(rule, p0) <= 1 / 200
    assert 0 < passage(Boundary(looks, looks + 1, lower), p0).refuted.sum() <= 1 / 200


def test_a_curtailed_test_ends_as_the_last_look_would() -> None:
    looks, least, p = np.arange(1, 31), 20, 0.7
    rule = curtailed(looks, least)
    found = passage(rule, p)
    assert found.certified.sum() == pytest.approx(binom.sf(least - 1, 30, p), rel=1e-12)
    assert found.refuted.sum() == pytest.approx(binom.cdf(least - 1, 30, p), rel=1e-12)
    assert found.undecided == pytest.approx(0, abs=1e-15)


def test_hopeless_is_where_no_path_can_certify_any_more() -> None:
    looks, certify = np.array([4, 6, 9, 15, 20]), np.array([5, 6, 10, 13, 20])
    found = hopeless(looks, certify)
    for j, n in enumerate(looks[:-1]):
        stuck = [
            s
            for s in range(n + 1)
            if s < certify[j] and all(s + looks[i] - n < certify[i] for i in range(j + 1, len(looks)))
        ]
        assert found[j] == max(stuck, default=-1)
    assert found[-1] == certify[-1] - 1


def test_looks() -> None:
    assert geometric(10, 31, 1.25).tolist() == [10, 12, 15, 19, 24, 30, 31]
    assert geometric(10, 5, 1.25).tolist() == [5]
    assert geometric(1, 4, 1.1).tolist() == [1, 2, 3, 4]
