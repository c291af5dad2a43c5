from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from pyautoattack.fab_pt import FABAttack_PT
from torch import Tensor

from trustdm.bench.perturb.budget import AUTOATTACK_NORM, norms
from trustdm.bench.perturb.fab import _Walk, fab_t
from trustdm.bench.perturb.searches import likeliest_others
from trustdm.bench.types import Budget

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])


@NORMS
def test_finds_the_distance_of_a_linear_boundary(linear: Any, norm: str) -> None:
    target = linear.target(0.05, norm)
    goals = 1 - linear.y[:, None]
    adv, size = _Walk(target, linear.x, linear.y, goals, Budget(norm, Fraction(1, 1000))).run(50)
    adv, size = adv[:, 0], size[:, 0]
    assert (target(adv).argmax(1) == 1).all()
    torch.testing.assert_close(size, norms(adv.double() - linear.x.double(), norm))
    # By hand: the first step overshoots to 1.05 distances, the way back ends at .945; from there the second step weighs
    # the overshot projections of the point and of the image by alpha = .055 / 1.055. Later steps end further out.
    alpha = 0.055 / 1.055
    expected = 0.05 * ((1 - alpha) * (0.945 + 1.05 * 0.055) + alpha * 1.05)
    torch.testing.assert_close(size, torch.full_like(size, expected), rtol=1e-5, atol=0)


@pytest.mark.parametrize(("distance", "broken"), [(0.099, True), (0.101, False)])
@NORMS
def test_breaks_exactly_within_the_distance(linear: Any, norm: str, distance: float, broken: bool) -> None:
    target = linear.target(distance, norm)
    adv = fab_t(target, linear.x, linear.y, Budget(norm, Fraction(1, 10)), iterations=50, targets=1)
    assert ((target(adv).argmax(1) != linear.y) == broken).all()
    if not broken:
        assert torch.equal(adv, linear.x)


def test_takes_the_box_into_account(stub: Any) -> None:
    # Pixel 0 is white, so its gradient is of no use: pixel 1 has to pay for all of it.
    x = torch.tensor([1.0, 0.5]).view(1, 1, 1, 2)
    target = stub(lambda x: torch.stack([x[:, 0, 0, 0] * 0, 3 * x[:, 0, 0, 0] + x[:, 0, 0, 1] - 3.6], 1), 2)
    goals = torch.tensor([[1]])
    adv = _Walk(target, x, torch.tensor([0]), goals, Budget("linf", Fraction(1, 1000))).run(30)[0][:, 0]
    assert adv[0, 0, 0, 0].item() == pytest.approx(1.0, abs=1e-3)
    assert adv[0, 0, 0, 1].item() == pytest.approx(0.6, abs=1e-3)


def test_each_of_the_likeliest_classes_is_tried(linear: Any, stub: Any) -> None:
    def classify(x: Tensor) -> Tensor:  # class 1 is likelier than class 2, but out of reach
        margin = linear.margin(x, 0.05, "linf")
        return torch.stack([margin, margin - 0.01, torch.zeros_like(margin) - 9], 1) + 0 * x.sum()

    def reachable(x: Tensor) -> Tensor:
        return classify(x) * torch.tensor([1.0, 1.0, 0.0]) + torch.tensor([0.0, 0.0, 1e-3])

    budget = Budget("linf", Fraction(1, 10))
    target = stub(reachable, 3)
    assert (reachable(linear.x).argsort(1, descending=True)[:, 1] == 1).all()
    first = fab_t(target, linear.x, linear.y, budget, iterations=20, targets=1)
    both = fab_t(target, linear.x, linear.y, budget, iterations=20, targets=9)
    assert (target(first).argmax(1) == 0).all() and (target(both).argmax(1) == 2).all()


def test_the_first_class_reached_is_kept_while_a_randomized_target_sees_every_row(linear: Any, stub: Any) -> None:
    out_of_reach = torch.tensor([0.0, 0.0, 1.0])

    def classify(x: Tensor) -> Tensor:  # class 1 lies in one direction, the less likely class 2 in the other
        way = linear.margin(x, 0.0, "linf") / linear.dual("linf")
        return torch.stack([0 * way, way - 0.02 - out_of_reach, -way - 0.04 - out_of_reach], 1)

    target = stub(classify, 3, randomized=True)
    adv = fab_t(target, linear.x[:3], linear.y[:3], Budget("linf", Fraction(1, 20)), iterations=10, targets=2)
    assert classify(adv).argmax(1).tolist() == [1, 1, 0]
    assert len(target.asked) == 1 + 2 * 2 * 10


def test_no_gradient_returns_the_images(stub: Any) -> None:
    x = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    target = stub(lambda x: x.flatten(1)[:, :2] * 0 + torch.tensor([1.0, 0.0]), 2)
    for norm in ("linf", "l2"):
        adv = fab_t(target, x, torch.zeros(2, dtype=torch.long), Budget(norm, Fraction(1, 10)), iterations=5, targets=1)
        assert torch.equal(adv, x)


def test_weights_get_no_gradient() -> None:
    layer = torch.nn.Linear(4, 3)

    class Trainable:
        classes, randomized = 3, False

        def __call__(self, x: Tensor) -> Tensor:
            return layer(x.flatten(1))  # type: ignore[no-any-return]

    x = torch.rand(2, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    target = Trainable()
    fab_t(target, x, target(x).argmax(1), Budget("linf", Fraction(1, 10)), iterations=3, targets=2)
    assert layer.weight.grad is None


def small_network(channels: int, classes: int = 5) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = torch.nn.Conv2d(channels, 6, 3, padding=1), torch.nn.Tanh(), torch.nn.Flatten()
        return torch.nn.Sequential(*layers, torch.nn.Linear(6 * 64, classes)).eval().requires_grad_(False)


@NORMS
@pytest.mark.parametrize("channels", [1, 3])
def test_walks_as_pyautoattack_does(stub: Any, norm: str, channels: int) -> None:
    net = small_network(channels)
    x = torch.rand(8, channels, 8, 8, generator=torch.Generator().manual_seed(1)).mul(1.4).sub(0.2).clamp(0, 1)
    y, iterations = net(x).argmax(1), 12
    target = stub(net, 5)
    goals = likeliest_others(target, x, y)
    nearest, size = _Walk(target, x, y, goals, Budget(norm, Fraction(1, 10**6))).run(iterations)
    for rank in range(goals.shape[1]):
        peer = FABAttack_PT(net, norm=AUTOATTACK_NORM[norm], n_iter=iterations, eps=0.1, targeted=True)
        peer.target_class = rank + 2
        theirs = peer.attack_single_run(x, y, is_targeted=True)
        found = size[:, rank].isfinite()
        assert torch.equal(found, (theirs != x).flatten(1).any(1))
        torch.testing.assert_close(nearest[:, rank][found], theirs[found], atol=1e-4, rtol=0)
    assert size.isfinite().any()


def test_an_image_that_is_decisively_inside_leaves_with_all_its_searches(linear: Any, stub: Any) -> None:
    def classify(x: Tensor) -> Tensor:  # class 1 is near, classes 2 and 3 are out of reach
        margin = linear.margin(x, 0.05, "linf")
        far = torch.zeros_like(margin) - 9
        return torch.stack([margin, torch.zeros_like(margin), far, far - 1], 1) + 0 * x.sum()

    target = stub(classify, 4)
    adv = fab_t(target, linear.x, linear.y, Budget("linf", Fraction(1, 10)), iterations=50, targets=9)
    assert (target(adv).argmax(1) == 1).all()
    assert [len(batch) for batch in target.asked[1:3]] == [18, 18]
    assert len(target.asked) < 10
