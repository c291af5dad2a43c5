from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.attacks.pgd import Pgd
from trustdm.bench.errors import UsageError
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget


def falling(x: Tensor) -> Tensor:
    return torch.stack([x.flatten(1)[:, 0] * 0 + 9, x.flatten(1)[:, 0]], 1)


@pytest.mark.parametrize(("text", "expected"), [("3/200", 0.015), ("0.02", 0.02), ("", 2.5 * 0.1 / 5)])
def test_step_size_is_an_exact_fraction_or_two_and_a_half_radii_in_all(stub: Any, text: str, expected: float) -> None:
    seen: list[float] = []

    def classify(x: Tensor) -> Tensor:
        seen.append(float(x.detach().flatten()[0]))
        return falling(x)

    x = torch.full((1, 1, 1, 1), 0.5)
    attack = Pgd(steps=5, step_size=text, random_start=False)
    attack.perturb(stub(classify, 2), x, torch.tensor([0]), Budget("linf", Fraction(1, 10)), Noise("k", [0]))
    assert seen[1] - seen[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("text", ["fast", "1/0", "-1/8", "0"])
def test_other_step_sizes_are_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match=f"attack pgd: step_size: expected a positive fraction .* got '{text}'"):
        Pgd(step_size=text)


def test_other_losses_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="attack pgd: loss: expected 'margin' or 'ce', got 'dlr'"):
        Pgd(loss="dlr")


def test_margin_and_cross_entropy_take_different_ways(stub: Any, row_wise: Any) -> None:
    results = [
        Pgd(steps=5, loss=loss).perturb(
            stub(row_wise, 5), row_wise.x, row_wise.y, Budget("linf", Fraction(1, 50)), Noise("k", range(16))
        )
        for loss in ("margin", "ce")
    ]
    assert not torch.equal(*results)


def test_breaks_more_with_a_larger_budget(stub: Any, digits: Any) -> None:
    x, y = digits.x[:60], digits.y[:60]

    def robust(eps: Fraction) -> int:
        adv = Pgd(steps=10).perturb(stub(digits.net, 10), x, y, Budget("linf", eps), Noise("k", range(60)))
        return int((digits.net(adv).argmax(1) == y).sum())

    counts = [robust(Fraction(eps, 100)) for eps in (2, 10, 25)]
    assert counts[0] > counts[1] > counts[2]
