"""The gate against functions whose slopes are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.rng import Noise
from trustdm.bench.tasks.robustness import gate

SHAPES = [(1, 8, 8), (3, 32, 32)]
ROWS = 4


def cubic(x: Tensor) -> Tensor:
    """Logits whose slope is known everywhere, and is another one at every image."""
    flat = x.flatten(1)
    return torch.stack([flat.pow(3).mean(1), flat.mean(1), -flat.square().mean(1)], 1) * 10


class Scaled(torch.autograd.Function):
    """The identity, whose gradient is ``factor`` times too large."""

    factor = 1.0

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return Scaled.factor * grad


def inspected(classify: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> gate.Gate:
    noise = Noise("gate", range(ROWS))
    x = torch.from_numpy(noise.uniform("images", shape))
    return gate.inspect(classify, x, torch.tensor([0, 1, 2, 0]), noise)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_exact_gradient_passes(shape: tuple[int, ...]) -> None:
    told = inspected(cubic, shape)
    assert not told.wrong.any() and not told.unrepeatable.any()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("factor", "wrong"), [(0.5, True), (0.8, True), (0.95, False), (1.3, True), (-1.0, True)])
def test_a_scaled_gradient_is_found_beyond_the_tolerance(
    shape: tuple[int, ...], factor: float, wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scaled, "factor", factor)
    told = inspected(lambda x: cubic(Scaled.apply(x)), shape)
    assert np.all(told.wrong == wrong)


def test_a_gradient_in_another_direction_is_found() -> None:
    told = inspected(lambda x: cubic(x + (x.flip(3) - x).detach()), (1, 8, 8))
    assert told.wrong.all()


def test_no_gradient_where_there_is_a_slope_is_found() -> None:
    told = inspected(lambda x: cubic(x.detach()) + 0 * x.flatten(1)[:, :1], (1, 8, 8))
    assert told.wrong.all()


def test_rows_are_told_apart() -> None:
    def classify(x: Tensor) -> Tensor:
        first = torch.arange(len(x)) == 0
        return torch.where(first[:, None], cubic(x.detach()) + 0 * x.flatten(1)[:, :1], cubic(x))

    assert inspected(classify, (1, 8, 8)).wrong.tolist() == [True, False, False, False]


def test_a_function_that_does_not_repeat_is_found_and_not_called_wrong() -> None:
    state = torch.Generator().manual_seed(0)
    told = inspected(lambda x: cubic(x + 0.1 * torch.randn(x.shape, generator=state)), (1, 8, 8))
    assert told.unrepeatable.all() and not told.wrong.any()


def test_a_method_that_clips_at_the_box_and_ties_of_flat_regions_pass() -> None:
    def classify(x: Tensor) -> Tensor:
        pooled = torch.nn.functional.max_pool2d(x.clamp(0, 1), 2)
        return cubic(pooled)

    x = torch.zeros(ROWS, 1, 8, 8)
    x[:, :, 2:5, 2:5] = 1.0
    told = gate.inspect(classify, x, torch.tensor([0, 1, 2, 0]), Noise("gate", range(ROWS)))
    assert not told.wrong.any()
