"""Classifiers trained on noisy images: one for each noise level, better than one that saw no noise."""

from __future__ import annotations

import pytest
import torch
from shippedgenerator import images_of

from trustdm.bench.errors import UsageError
from trustdm.bench.methods import mnist16_noise_trained, mnist16_standard
from trustdm.bench.plugins import load, load_suite
from trustdm.bench.suite.data import open_data


@pytest.fixture(scope="module")
def noisy() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """200 validation images, standard normal noise of that shape, labels."""
    suite = load_suite("mnist16-linf")
    images, labels = open_data(suite, load().registry).read(suite.validation[:200])
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return torch.from_numpy(images), noise, torch.from_numpy(labels)


@pytest.mark.parametrize("sigma", mnist16_noise_trained.SIGMAS.values())
def test_it_sees_through_the_noise_it_was_trained_with(
    sigma: float, noisy: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    x, noise, y = noisy

    def accuracy(logits: torch.Tensor) -> float:
        return float((logits.argmax(1) == y).float().mean())

    with torch.no_grad():
        own = accuracy(mnist16_noise_trained.load().classify_noisy(x + sigma * noise, sigma))
        standard = accuracy(mnist16_standard.load()((x + sigma * noise).clamp(0, 1)))
    assert own > 0.8 and own > standard


def test_another_noise_level_is_refused() -> None:
    with pytest.raises(UsageError, match=r"mnist16-noise-trained: expected sigma one of 0\.25, 0\.5, got 0\.3"):
        mnist16_noise_trained.load().classify_noisy(torch.zeros(1, 1, 16, 16), 0.3)


def test_each_level_has_a_network_of_its_own() -> None:
    model, x = mnist16_noise_trained.load(), torch.from_numpy(images_of("mnist16-linf", "validation")[:5])
    with torch.no_grad():
        one, other = model.classify_noisy(x, 0.25), model.classify_noisy(x, 0.5)
    assert one.shape == (5, 10) and not torch.allclose(one, other)


def test_the_training_split_is_that_of_the_other_classifiers() -> None:
    suites = [load_suite(plugin.SUITE) for plugin in (mnist16_noise_trained, mnist16_standard)]
    assert suites[0].train.tolist() == suites[1].train.tolist() and len(suites[0].train) == 3500
