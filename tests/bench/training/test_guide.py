from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from trustdm.bench.diffusion.guidance import log_gradient
from trustdm.bench.training.denoisers import fresh
from trustdm.bench.training.diffusion_losses import EdmLevels
from trustdm.bench.training.guide import NoisyClassifier, NoisyCrossEntropy, guide_spec
from trustdm.bench.training.unet import UNetShape

SHAPE = UNetShape(side=8, widths=(8, 16), embedding=12, noise=(-1.6, 1.1))


def halves(n: int = 64) -> tuple[Tensor, Tensor]:
    """Class 0 is bright on the left, class 1 on the right."""
    x, labels = torch.full((n, 1, 8, 8), -1.0), torch.arange(n) % 2
    x[labels == 0, :, :, :4] = 1
    x[labels == 1, :, :, 4:] = 1
    return x, labels


def test_a_row_depends_on_its_own_image_and_level() -> None:
    network = NoisyClassifier(SHAPE, 0.5, 3).eval()
    x, sigma = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([0.1, 1.0, 9.0])
    whole = network(x, sigma)
    assert whole.shape == (3, 3)
    for i in range(3):
        torch.testing.assert_close(network(x[i : i + 1], sigma[i : i + 1])[0], whole[i], rtol=1e-4, atol=1e-5)
    assert (network(x, sigma.flip(0))[0] - whole[0]).abs().max() > 1e-4


def test_a_state_in_double_precision_is_taken_and_has_a_gradient() -> None:
    network = NoisyClassifier(SHAPE, 0.5, 3).eval()
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradient = log_gradient(network, x, torch.ones(2, dtype=torch.float64), torch.tensor([0, 2]))
    assert gradient.dtype == torch.float64 and bool((gradient != 0).any())


def test_the_loss_is_cross_entropy_on_noisy_images() -> None:
    network, (x, labels) = NoisyClassifier(SHAPE, 0.5, 3).eval(), halves(6)
    levels = EdmLevels(0.5)
    loss = NoisyCrossEntropy(levels)(network, x, labels, torch.Generator().manual_seed(3))
    g = torch.Generator().manual_seed(3)
    sigma = levels.sigmas(6, g)
    noise = torch.randn(x.shape, generator=g)
    rows = [
        F.cross_entropy(network(x[i : i + 1] + sigma[i] * noise[i], sigma[i : i + 1]), labels[i : i + 1])
        for i in range(6)
    ]
    torch.testing.assert_close(loss, torch.stack(rows).mean(), rtol=1e-4, atol=1e-5)


def test_it_learns_is_unsure_in_noise_and_its_gradient_points_to_the_class() -> None:
    spec = guide_spec("t", 0.9, steps=60)
    spec = replace(spec, shape=SHAPE, recipe=replace(spec.recipe, batch=32, lr=3e-3, warmup=5, half_life=100))
    x, labels = halves()
    network = spec.restore(spec.train(x, labels))
    with torch.no_grad():
        near = network(x, torch.full((64,), 0.1)).log_softmax(1)
        noisy = x + 15 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
        far = network(noisy, torch.full((64,), 15.0)).softmax(1)
    assert float((near.argmax(1) == labels).float().mean()) > 0.95
    assert float(far.max(1).values.mean()) < float(near.exp().max(1).values.mean())
    gradient = log_gradient(network, torch.zeros(1, 1, 8, 8), torch.ones(1), torch.tensor([0]))[0, 0]
    assert float(gradient[:, :4].mean()) > float(gradient[:, 4:].mean())


def test_the_start_depends_on_the_seed() -> None:
    def build() -> NoisyClassifier:
        return NoisyClassifier(SHAPE, 0.5)

    assert torch.equal(fresh(build, "a").get_parameter("out.weight"), fresh(build, "a").get_parameter("out.weight"))
