"""Replays of the frozen images: what procedures save, and that they certify the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from replay.passage import passage
from replay.rates import frozen, of_log, replay, settings
from replay.reconstruction import ALPHA, TABLE, TRIALS
from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.smoothing.fixed import largest_radius
from trustdm.bench.smoothing.logs import read
from trustdm.bench.smoothing.sequential import Plan

DECLARED = [
    (row.setting, radius)
    for row in TABLE
    for radius, share in zip(row.radii, row.certified, strict=True)
    if share and radius <= 2 * row.sigma
]


def grid(sigma: float) -> tuple[float, ...]:
    return tuple(np.arange(0, largest_radius(TRIALS, sigma, ALPHA), 0.25).tolist())


@pytest.mark.parametrize("selection", [0, 100])
@pytest.mark.parametrize(("setting", "radius"), DECLARED)
def test_one_declared_radius_takes_a_twentieth_of_the_draws(setting: str, radius: float, selection: int) -> None:
    rates = frozen(setting)
    plan = Plan((radius,), rates.sigma, selection=selection)
    found = replay(plan, rates, repeats=2)
    assert found.reduction(plan) >= 20
    assert np.abs(found.certified - found.fixed).max() <= 0.005


@pytest.mark.parametrize("setting", settings())
def test_the_whole_grid_takes_a_third_and_its_curve_is_cohens(setting: str) -> None:
    rates = frozen(setting)
    plan = Plan(grid(rates.sigma), rates.sigma)
    found = replay(plan, rates, repeats=4)
    assert found.reduction(plan) >= 3
    assert np.abs(found.certified - found.fixed).max() <= 0.005
    row = next(row for row in TABLE if row.setting == setting)
    listed = [
        (plan.radii.index(r), share) for r, share in zip(row.radii, row.certified, strict=True) if r in plan.radii
    ]
    assert np.abs([found.certified[i] - share for i, share in listed]).max() <= 0.01


def test_the_default_needs_the_fewest_draws() -> None:
    draws = {}
    for procedure in ("group-sequential", "e-process", "curtailed"):
        total = 0.0
        for setting, radius in DECLARED[::4]:
            rates = frozen(setting)
            total += replay(Plan((radius,), rates.sigma, procedure=procedure), rates, repeats=1).draws.mean()
        draws[procedure] = total
    assert draws["group-sequential"] < 0.85 * draws["e-process"] < 0.2 * draws["curtailed"]


def test_replayed_draws_agree_with_the_exact_expectation() -> None:
    rates = frozen("cifar10-0.50")
    plan = Plan((0.5,), rates.sigma)
    exact = [passage(plan.boundaries()[0], p).mean_draws(np.array(plan.looks)) for p in rates.top[::25]]
    part = type(rates)(rates.sigma, rates.trials, *(x[::25] for x in (rates.successes, rates.correct, rates.abstained)))
    found = replay(plan, part, repeats=200)
    assert found.draws.mean() == pytest.approx(np.mean(exact), rel=0.1)


def test_curtailment_certifies_exactly_what_the_fixed_test_does() -> None:
    rates = frozen("imagenet-0.50")
    found = replay(Plan(grid(rates.sigma), rates.sigma, procedure="curtailed"), rates, repeats=2)
    assert np.array_equal(found.certified, found.fixed)


def test_replays_repeat() -> None:
    rates = frozen("cifar10-0.12")
    plan = Plan((0.25,), rates.sigma)
    assert np.array_equal(replay(plan, rates, 1, seed=3).draws, replay(plan, rates, 1, seed=3).draws)


def test_the_known_label_of_a_wrong_image_is_unlikely() -> None:
    rates = frozen("cifar10-1.00")
    wrong = ~rates.correct & ~rates.abstained
    assert np.all(rates.label[wrong] < 0.5)
    assert np.array_equal(rates.label[~wrong], rates.top[~wrong])
    assert np.all((rates.top > 0) & (rates.top < 1))


def test_an_unknown_setting() -> None:
    with pytest.raises(UnknownName, match=r"unknown setting 'cifar10-0.5'; did you mean"):
        frozen("cifar10-0.5")


def log(tmp_path: Path, top: str):
    rows = [f"0\t3\t3\t{top}\t1\t1.0", "20\t1\t2\t0.31\t0\t1.0", "40\t1\t-1\t0.0\t0\t1.0", "60\t0\t0\t0.5\t1\t1.0"]
    path = tmp_path / "log"
    path.write_text("\n".join(["idx\tlabel\tpredict\tradius\tcorrect\ttime", *rows]) + "\n")
    return read(path)


def test_ones_own_log_gives_the_counts_behind_its_radii(tmp_path: Path) -> None:
    found = of_log(log(tmp_path, "1.91"), 0.5)
    assert found.successes[0] == TRIALS
    assert found.correct.tolist() == [True, False, False, True]
    assert found.abstained.tolist() == [False, False, True, False]
    assert found.successes[2] == 40_000
    from trustdm.bench.smoothing.fixed import certified_radius, clopper_pearson_lower

    radius = certified_radius(clopper_pearson_lower(found.successes, TRIALS, ALPHA), 0.5)
    assert radius[[1, 3]] == pytest.approx([0.31, 0.5], abs=1e-4)
    assert replay(Plan((0.25,), 0.5), found, 1).draws.shape == (4,)


def test_a_log_made_with_another_alpha_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"image 0: expected a radius up to 1.906, .* alpha 0.001, got 1.96"):
        of_log(log(tmp_path, "1.96"), 0.5)
    assert of_log(log(tmp_path, "1.96"), 0.5, alpha=0.01).successes[0] == TRIALS
