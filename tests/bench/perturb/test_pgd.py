from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from trustdm.bench.perturb.budget import norms
from trustdm.bench.perturb.pgd import PgdSettings, ascent, margins, pgd, start_in_ball
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
EPS = Fraction(1, 10)


def noise(n: int) -> Noise:
    return Noise("test", range(n))


@pytest.mark.parametrize("loss", ["margin", "ce"])
@pytest.mark.parametrize("random_start", [True, False])
@NORMS
def test_reaches_the_optimum_of_a_linear_classifier(linear: Any, norm: str, loss: Any, random_start: bool) -> None:
    settings = PgdSettings(steps=40, step=0.05, loss=loss, random_start=random_start)
    adv = pgd(linear.target(0.2, norm), linear.x, linear.y, Budget(norm, EPS), noise(6), settings)
    left = linear.margin(adv, 0.2, norm) / linear.dual(norm)
    torch.testing.assert_close(left, torch.full((6,), 0.1), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("distance", "broken"), [(0.099, True), (0.101, False)])
@NORMS
def test_breaks_a_linear_classifier_exactly_within_its_distance(
    linear: Any, norm: str, distance: float, broken: bool
) -> None:
    target = linear.target(distance, norm)
    adv = pgd(target, linear.x, linear.y, Budget(norm, EPS), noise(6), PgdSettings(steps=30, step=0.02))
    assert ((target(adv).argmax(1) != linear.y) == broken).all()


def one_pixel(x: Tensor) -> Tensor:
    """Class 1 wins for pixels between .5 and .6."""
    return torch.stack([torch.zeros(len(x)), 0.05 - (x.flatten(1)[:, 0] - 0.55).abs()], 1)


def test_a_success_on_the_way_is_kept(stub: Any) -> None:
    x = torch.full((1, 1, 1, 1), 0.48)
    settings = PgdSettings(steps=2, step=0.1, random_start=False)  # .48 -> .58 -> .48
    adv = pgd(stub(one_pixel, 2), x, torch.tensor([0]), Budget("linf", Fraction(1, 5)), noise(1), settings)
    assert adv.item() == pytest.approx(0.58)


def test_the_last_point_is_looked_at(stub: Any) -> None:
    x = torch.full((1, 1, 1, 1), 0.42)
    settings = PgdSettings(steps=1, step=0.1, random_start=False)
    adv = pgd(stub(one_pixel, 2), x, torch.tensor([0]), Budget("linf", Fraction(1, 5)), noise(1), settings)
    assert adv.item() == pytest.approx(0.52)


def test_eot_averages_gradients_where_the_target_is_randomized(stub: Any) -> None:
    weights = torch.tensor([[3.0, -1.0, 1.0], [-1.0, -1.0, -2.0]])
    for randomized, expected in ((True, [1.0, -1.0, -1.0]), (False, [1.0, -1.0, 1.0])):
        target = stub(lambda x: torch.empty(0), 2, randomized)

        def classify(x: Tensor, target: Any = target) -> Tensor:
            score = (x.flatten(1) * weights[(len(target.asked) - 1) % 2]).sum(1)
            return torch.stack([torch.full_like(score, 9.0), score], 1)

        target.classify = classify
        x = torch.full((1, 1, 1, 3), 0.5)
        settings = PgdSettings(steps=1, step=0.1, random_start=False, eot=2)
        pgd(target, x, torch.tensor([0]), Budget("linf", EPS), noise(1), settings)
        step = (target.asked[-1] - x).flatten() / 0.1
        torch.testing.assert_close(step, torch.tensor(expected), atol=1e-5, rtol=0)
        assert len(target.asked) == (4 if randomized else 2)


def test_every_point_asked_about_is_in_the_budget(linear: Any) -> None:
    for norm in ("linf", "l2"):
        target = linear.target(0.2, norm)
        pgd(target, linear.x, linear.y, Budget(norm, EPS), noise(6), PgdSettings(steps=10, step=0.05))
        assert all((norms(x.double() - linear.x.double(), norm) <= 0.1).all() for x in target.asked)


@NORMS
def test_no_gradient_gives_points_of_the_budget(stub: Any, norm: str) -> None:
    x = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    target = stub(lambda x: torch.stack([x.sum((1, 2, 3)) * 0 + 1, x.sum((1, 2, 3)) * 0], 1), 2)
    adv = pgd(target, x, torch.zeros(3, dtype=torch.long), Budget(norm, EPS), noise(3), PgdSettings(3, 0.1))
    assert adv.isfinite().all() and (norms(adv.double() - x.double(), norm) <= 0.1).all()


@NORMS
def test_start_is_uniform_in_the_ball(norm: str) -> None:
    x = torch.full((3000, 1, 1, 3), 0.5)
    delta = (start_in_ball(x, Budget(norm, EPS), noise(3000)) - x).flatten(1).numpy() / 0.1
    size = np.abs(delta).max(1) if norm == "linf" else np.linalg.norm(delta, axis=1)
    # In d dimensions the d-th power of the norm is uniform; and by symmetry each coordinate has median 0.
    assert stats.kstest(size**3, "uniform").pvalue > 1e-3
    assert all(stats.binomtest(int((column > 0).sum()), 3000).pvalue > 1e-3 for column in delta.T)


def test_margins_are_largest_other_minus_true() -> None:
    logits = torch.tensor([[1.0, 4.0, 2.0], [5.0, 5.0, -1.0]])
    assert margins(logits, torch.tensor([1, 0])).tolist() == [-2.0, 0.0]


def test_ascent_has_length_one_or_zero() -> None:
    gradient = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1e-30, 0.0]]).view(3, 1, 1, 2)
    assert ascent(gradient, "linf").flatten(1).tolist() == [[1, 1], [0, 0], [1, 0]]
    torch.testing.assert_close(ascent(gradient, "l2").flatten(1), torch.tensor([[0.6, 0.8], [0, 0], [1, 0]]))


def test_empty_batch(linear: Any) -> None:
    empty = linear.x[:0]
    assert pgd(
        linear.target(1, "linf"), empty, linear.y[:0], Budget("linf", EPS), noise(0), PgdSettings(1, 0.1)
    ).shape == (
        0,
        1,
        4,
        4,
    )
