from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.diffusion.preconditioning import Edm
from trustdm.bench.errors import WeightsError
from trustdm.bench.training.augmentation import NUMBERS, Augmentation
from trustdm.bench.training.denoisers import (
    DenoiserSpec,
    DenoisingLoss,
    dropped,
    fresh,
    halved,
    network_data,
    rebuilt,
    sampling_options,
)
from trustdm.bench.training.diffusion_loop import DiffusionRecipe
from trustdm.bench.training.diffusion_losses import EdmLevels
from trustdm.bench.training.unet import UNet, UNetShape

SHAPE = UNetShape(side=8, widths=(8, 16), embedding=12, classes=3, noise=(-1.6, 1.1))
SPEC = DenoiserSpec(
    SHAPE, DenoisingLoss(Edm(0.5), EdmLevels(0.5), no_label=0.2), DiffusionRecipe("t", steps=4, batch=8, warmup=0)
)


def data(n: int = 16) -> tuple[Tensor, Tensor]:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1, torch.arange(n) % 3


def test_labels_are_dropped_as_often_as_asked_and_else_kept() -> None:
    labels = torch.arange(20_000) % 10
    given = dropped(labels, 0.15, 10, torch.Generator().manual_seed(0))
    assert given is not None
    off = given == 10
    assert float(off.float().mean()) == pytest.approx(0.15, abs=0.01)
    assert torch.equal(given[~off], labels[~off])
    assert torch.equal(torch.where(off, labels, 0).bincount()[1:] > 150, torch.ones(9, dtype=torch.bool))
    never = dropped(labels, 0.0, 10, torch.Generator().manual_seed(0))
    assert never is not None and torch.equal(never, labels)
    assert dropped(labels, 0.15, 0, torch.Generator()) is None


def test_the_label_that_is_dropped_does_not_reach_the_network() -> None:
    seen: list[Tensor] = []

    class Spy(nn.Module):
        shape = SHAPE

        def forward(self, x: Tensor, noise: Tensor, labels: Tensor, numbers: Tensor | None) -> Tensor:
            seen.append(labels)
            return torch.zeros_like(x)

    x, labels = data(400)
    SPEC.loss(Spy(), x, labels, torch.Generator().manual_seed(1))
    assert 40 < int((seen[0] == 3).sum()) < 120
    assert torch.equal(seen[0][seen[0] < 3], labels[seen[0] < 3])


def test_an_untrained_network_under_edm_has_the_loss_of_its_skip() -> None:
    # F = 0: D = c_skip x, and for Gaussian data of deviation sigma_data the weighted error is 1 at every level.
    x = 0.5 * torch.randn(4000, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    loss = SPEC.loss(UNet(SHAPE), x, torch.zeros(4000, dtype=torch.int64), torch.Generator().manual_seed(3))
    assert loss.item() == pytest.approx(1.0, abs=0.01)


def test_the_network_is_told_of_the_augmentation_of_its_image() -> None:
    seen: list[Tensor] = []

    class Spy(nn.Module):
        shape = replace(SHAPE, augment=NUMBERS)

        def forward(self, x: Tensor, noise: Tensor, labels: Tensor, numbers: Tensor) -> Tensor:
            seen.append(numbers)
            return torch.zeros_like(x)

    replace(SPEC.loss, augmentation=Augmentation(1.0))(Spy(), *data(), torch.Generator())
    assert seen[0].shape == (16, NUMBERS) and bool((seen[0] != 0).any(1).all())


def test_a_trained_denoiser_comes_back_from_half_precision() -> None:
    losses: list[float] = []
    state = SPEC.train(*data(), on_step=lambda step, total, loss: losses.append(loss))
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert len(losses) == 4
    denoise = SPEC.restore(state)
    x, labels = data(3)
    out = denoise(x.double(), torch.tensor([0.1, 1.0, 10.0]).double(), labels)
    assert out.dtype == torch.float64 and bool(torch.isfinite(out).all())
    again = SPEC.restore(halved(denoise.network))  # type: ignore[arg-type]
    assert torch.equal(again(x, torch.ones(3), labels), denoise(x, torch.ones(3), labels))


def test_the_start_depends_on_the_seed_alone_and_touches_no_global_generator() -> None:
    before = torch.get_rng_state()
    first, second, other = (fresh(lambda: UNet(SHAPE), seed) for seed in ("a", "a", "b"))
    assert torch.equal(torch.get_rng_state(), before)
    weight = "enter.weight"
    assert torch.equal(first.get_parameter(weight), second.get_parameter(weight))
    assert not torch.equal(first.get_parameter(weight), other.get_parameter(weight))


def test_the_state_of_another_network_is_one_line() -> None:
    state = halved(UNet(SHAPE))
    with pytest.raises(WeightsError, match="expected the state of UNet, got another"):
        rebuilt(lambda: UNet(replace(SHAPE, widths=(16, 16))), state)
    network = rebuilt(lambda: UNet(SHAPE), state)
    assert not network.training and not any(p.requires_grad for p in network.parameters())


def test_images_become_network_units() -> None:
    x, labels = network_data(np.array([[[[0.0, 0.25, 1.0]]]], np.float32), np.array([7]))
    assert x.flatten().tolist() == [-1.0, -0.5, 1.0] and labels.tolist() == [7]


def test_defaults_are_given_to_the_samplers_that_take_them() -> None:
    levels = {"sigma_min": 0.02, "frame": "ve"}
    assert sampling_options("heun", levels, {"rho": 5.0}) == {"sigma_min": 0.02, "rho": 5.0}
    assert sampling_options("heun", levels, {"sigma_min": 1.0}) == {"sigma_min": 1.0}
    assert sampling_options("ddim", levels, {}) == {}
    assert sampling_options("no such sampler", levels, {"eta": 0.1}) == {"eta": 0.1}
