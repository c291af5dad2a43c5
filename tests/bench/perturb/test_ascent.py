from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from torch import Tensor

from trustdm.bench.perturb import ascent
from trustdm.bench.perturb.ascent import Ascent, cross_entropy, normalised, targeted_dlr
from trustdm.bench.perturb.budget import AUTOATTACK_NORM
from trustdm.bench.types import Budget

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
BUDGETS = {"linf": Budget("linf", Fraction(1, 20)), "l2": Budget("l2", Fraction(1, 4))}

SMALL = {"linf": Budget("linf", Fraction(1, 100)), "l2": Budget("l2", Fraction(1, 10))}


def network() -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = torch.nn.Conv2d(2, 6, 3, padding=1), torch.nn.Tanh(), torch.nn.Flatten()
        return torch.nn.Sequential(*layers, torch.nn.Linear(6 * 64, 6)).eval().requires_grad_(False)


def start(net: Any, norm: str, n: int = 8) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images, their labels, the likeliest other classes, and starts on the ball."""
    generator = torch.Generator().manual_seed(1)
    x, delta = torch.rand(n, 2, 8, 8, generator=generator), torch.randn(n, 2, 8, 8, generator=generator)
    order = net(x).argsort(1, descending=True)
    return x, order[:, 0], order[:, 1], x + BUDGETS[norm].radius * normalised(delta, norm)


@NORMS
@pytest.mark.parametrize("iterations", [1, 2, 7, 30, 100])
@pytest.mark.parametrize("kind", ["ce", "targeted"])
def test_climbs_as_pyautoattack_does(
    stub: Any, monkeypatch: pytest.MonkeyPatch, norm: str, iterations: int, kind: str
) -> None:
    monkeypatch.setattr(ascent, "decisive", lambda gap, logits: torch.zeros_like(gap, dtype=torch.bool))
    net, budget = network(), BUDGETS[norm]
    x, y, goal, begin = start(net, norm)
    settings: dict[str, Any] = {"norm": AUTOATTACK_NORM[norm], "eps": budget.radius, "n_iter": iterations}
    peer = APGDAttack(net, loss="ce", **settings) if kind == "ce" else APGDAttack_targeted(net, **settings)
    peer.init_hyperparam(x)
    peer.y_target = goal
    with torch.random.fork_rng(devices=[]):
        best, right, loss, _ = peer.attack_single_run(x, y, x_init=begin)
    climb = Ascent(stub(net, 6), budget, cross_entropy if kind == "ce" else targeted_dlr, iterations)
    found = climb.run(x, y, goal[:, None], begin[:, None])
    torch.testing.assert_close(found.loss[:, 0], loss, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.strongest[:, 0], best, atol=1e-5, rtol=0)
    assert torch.equal(found.gap[:, 0] == -torch.inf, right)


@NORMS
def test_an_image_leaves_with_all_its_searches_once_one_succeeds(stub: Any, norm: str) -> None:
    net, budget = network(), SMALL[norm]
    x, y, goal, _ = start(net, norm)
    begin = x.clone()
    goals, starts = torch.stack([goal, (goal + 1) % 6], 1), torch.stack([begin, begin], 1)
    target = stub(net, 6)
    found = Ascent(target, budget, cross_entropy, 30).run(x, y, goals, starts)
    lengths = [len(batch) for batch in target.asked]
    assert lengths[0] == 16 and lengths == sorted(lengths, reverse=True) and lengths[-1] < 16
    broken = found.gap.amax(1) > -torch.inf
    assert all(length % 2 == 0 for length in lengths) and broken.any()
    best = found.broken[torch.arange(8), found.gap.argmax(1)]
    assert torch.equal(net(best).argmax(1) != y, broken)


def test_a_success_that_is_not_decisive_ends_nothing_and_the_clearest_is_kept(stub: Any) -> None:
    def classify(x: Tensor) -> Tensor:  # class 1 is ahead by a hair, wherever one looks, and more on brighter images
        return torch.stack([torch.ones(len(x)), 1 + 1e-5 * x.flatten(1).mean(1)], 1)

    x, y = torch.full((1, 1, 2, 2), 0.5), torch.zeros(1, dtype=torch.long)
    target = stub(classify, 2)
    found = Ascent(target, Budget("linf", Fraction(1, 10)), cross_entropy, 9).run(x, y, y[:, None], x[:, None])
    assert len(target.asked) == 10
    brightest = max(float(batch.mean()) for batch in target.asked)
    assert float(found.broken.mean()) == pytest.approx(brightest) and float(found.gap) > 0


def test_a_randomized_target_sees_every_search_at_every_step(stub: Any) -> None:
    net = network()
    x, y, goal, begin = start(net, "linf")
    target = stub(net, 6, randomized=True)
    Ascent(target, BUDGETS["linf"], targeted_dlr, 10, eot=3).run(x, y, goal[:, None], begin[:, None])
    assert [len(batch) for batch in target.asked] == [8] * 33
