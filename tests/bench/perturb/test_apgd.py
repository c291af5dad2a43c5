from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.perturb.apgd import ApgdSettings, apgd_ce, apgd_t
from trustdm.bench.perturb.budget import norms
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
EPS = Fraction(1, 10)


def four_classes(linear: Any, distance: float, norm: str, stub: Any) -> Any:
    """Class 0 has the margin of the linear classifier over class 2, and classes 1 and 3 are far below."""

    def classify(x: Tensor) -> Tensor:
        margin = linear.margin(x, distance, norm)
        nothing = torch.zeros_like(margin)
        return torch.stack([margin, nothing - 9, nothing, nothing - 12], 1)

    return stub(classify, 4)


@NORMS
def test_untargeted_reaches_the_optimum_of_a_linear_classifier(linear: Any, norm: str) -> None:
    target = linear.target(0.2, norm)
    adv = apgd_ce(target, linear.x, linear.y, Budget(norm, EPS), Noise("k", range(6)), ApgdSettings(iterations=50))
    left = linear.margin(adv, 0.2, norm) / linear.dual(norm)
    torch.testing.assert_close(left, torch.full((6,), 0.1), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("distance", "broken"), [(0.099, True), (0.101, False)])
@NORMS
def test_untargeted_breaks_exactly_within_the_distance(linear: Any, norm: str, distance: float, broken: bool) -> None:
    target = linear.target(distance, norm)
    adv = apgd_ce(target, linear.x, linear.y, Budget(norm, EPS), Noise("k", range(6)), ApgdSettings(iterations=50))
    assert ((target(adv).argmax(1) != linear.y) == broken).all()
    assert (norms(adv - linear.x, norm) <= 0.1 + 1e-6).all()


@pytest.mark.parametrize(("distance", "broken"), [(0.099, True), (0.101, False)])
@NORMS
def test_targeted_breaks_exactly_within_the_distance(
    linear: Any, stub: Any, norm: str, distance: float, broken: bool
) -> None:
    target = four_classes(linear, distance, norm, stub)
    settings = ApgdSettings(iterations=50, targets=1)  # the likeliest other class is the one that can be reached
    adv = apgd_t(target, linear.x, linear.y, Budget(norm, EPS), Noise("k", range(6)), settings)
    assert ((target(adv).argmax(1) != linear.y) == broken).all()
    assert (norms(adv - linear.x, norm) <= 0.1 + 1e-6).all()


def test_more_targets_than_classes_are_all_tried_once(linear: Any, stub: Any) -> None:
    target = four_classes(linear, 0.2, "linf", stub)
    settings = ApgdSettings(iterations=5, targets=9)
    apgd_t(target, linear.x, linear.y, Budget("linf", EPS), Noise("k", range(6)), settings)
    # The clean images; the first target alone; the other two side by side.
    assert [len(batch) for batch in target.asked] == [6] * 7 + [12] * 6


def test_broken_rows_take_part_in_no_further_run(linear: Any, stub: Any) -> None:
    def classify(x: Tensor) -> Tensor:  # bright images fall with any step, dark ones never
        margin = x.mean((1, 2, 3)) * -100 + 50
        return torch.stack([margin * 0 + 1, margin], 1)

    x = torch.tensor([0.1, 0.49, 0.2]).view(3, 1, 1, 1).expand(3, 1, 4, 4).contiguous()
    target = stub(classify, 2)
    settings = ApgdSettings(iterations=4, restarts=3)
    adv = apgd_ce(target, x, torch.ones(3, dtype=torch.long), Budget("linf", EPS), Noise("k", range(3)), settings)
    # The first run loses the row that falls with its first step; two more runs of the others go side by side.
    assert [len(batch) for batch in target.asked] == [3] * 2 + [2] * 3 + [4] * 5
    assert (target(adv).argmax(1) == torch.tensor([1, 0, 1])).all()


def test_the_strongest_point_of_all_restarts_is_returned_for_unbroken_rows(linear: Any) -> None:
    one, many = (
        apgd_ce(linear.target(1, "l2"), linear.x, linear.y, Budget("l2", EPS), Noise("k", range(6)), settings)
        for settings in (ApgdSettings(iterations=1, restarts=1), ApgdSettings(iterations=1, restarts=12))
    )
    gain = linear.margin(one, 1, "l2") - linear.margin(many, 1, "l2")
    assert (gain >= 0).all() and (gain > 0).sum() >= 4


def test_restarts_start_at_keyed_points(linear: Any) -> None:
    def starts(key: str) -> list[Tensor]:
        target = linear.target(1, "linf")
        settings = ApgdSettings(iterations=2, restarts=2)
        apgd_ce(target, linear.x, linear.y, Budget("linf", EPS), Noise(key, range(6)), settings)
        return [target.asked[0], target.asked[3]]

    first, second = starts("a")
    assert torch.equal(first, starts("a")[0]) and not torch.equal(first, starts("b")[0])
    assert not torch.equal(first, second)
    for start in (first, second):  # AutoAttack starts on the surface of the ball, or in the box's part of it
        torch.testing.assert_close(norms(start - linear.x, "linf"), torch.full((6,), 0.1, dtype=torch.float64))


def test_zero_gradients_are_survived_in_silence(stub: Any, capfd: Any) -> None:
    x = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    target = stub(lambda x: x.flatten(1)[:, :4] * 0 + torch.tensor([1.0, 0.5, 0.2, 0.0]), 4)
    y = torch.zeros(2, dtype=torch.long)
    for norm in ("linf", "l2"):
        adv = apgd_t(target, x, y, Budget(norm, EPS), Noise("k", range(2)), ApgdSettings(iterations=3))
        assert adv.isfinite().all() and (norms(adv - x, norm) <= 0.1 + 1e-6).all()
    assert capfd.readouterr() == ("", "")
