"""Noise in units of each tensor's spread: closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.weights import NamedNoise
from trustdm.bench.weight_attacks.gaussian_noise import GaussianNoise


def parameter(*values: float) -> Tensor:
    return nn.Parameter(torch.tensor(values), requires_grad=False)


def test_two_weights_move_by_their_spread_times_the_noise() -> None:
    noise = NamedNoise("k")
    got = GaussianNoise(sigma=0.5).perturb({"w": parameter(1.0, 5.0)}, noise)["w"]  # mean 3, deviation 2
    torch.testing.assert_close(got, torch.tensor([1.0, 5.0]) + 0.5 * 2 * noise.normal("w", (2,)))


def test_the_variance_of_what_is_added_is_that_of_the_tensor_times_sigma_squared() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = nn.Parameter(3 * torch.randn(200, 100, generator=generator) + 7, requires_grad=False)
    added = (GaussianNoise(sigma=0.2).perturb({"w": weights}, NamedNoise("k"))["w"] - weights).double()
    spread, n = float(weights.double().std(correction=0)), weights.numel()
    assert abs(float(added.mean())) < 4 * 0.2 * spread / n**0.5
    assert abs(float(added.var()) / (0.2 * spread) ** 2 - 1) < 4 * (2 / n) ** 0.5


def test_no_sigma_and_no_spread_leave_weights_as_they_are() -> None:
    weights = parameter(1.0, 2.0)
    assert torch.equal(GaussianNoise(sigma=0).perturb({"w": weights}, NamedNoise("k"))["w"], weights)
    equal = {"w": parameter(2.0, 2.0), "one": parameter(3.0)}
    got = GaussianNoise(sigma=1.0).perturb(equal, NamedNoise("k"))
    assert torch.equal(got["w"], equal["w"]) and torch.equal(got["one"], equal["one"])


def test_half_precision_is_rounded_once() -> None:
    weights = nn.Parameter(torch.linspace(-1, 1, 9).half(), requires_grad=False)
    noise = NamedNoise("k")
    wide = weights.double()
    expected = (wide + 0.1 * (wide - wide.mean()).square().mean().sqrt() * noise.normal("w", (9,)).double()).half()
    assert torch.equal(GaussianNoise(sigma=0.1).perturb({"w": weights}, noise)["w"], expected)


def test_buffers_are_attacked_on_demand() -> None:
    tensors = {"w": parameter(1.0, 2.0), "running_mean": torch.tensor([1.0, 2.0])}
    assert list(GaussianNoise().perturb(tensors, NamedNoise("k"))) == ["w"]
    assert list(GaussianNoise(buffers=True).perturb(tensors, NamedNoise("k"))) == ["running_mean", "w"]


@pytest.mark.parametrize("sigma", [-0.1, float("inf"), float("nan")])
def test_impossible_strengths_are_refused(sigma: float) -> None:
    with pytest.raises(UsageError, match="weight attack gaussian-noise: sigma: expected a number of at least 0, got"):
        GaussianNoise(sigma=sigma)
