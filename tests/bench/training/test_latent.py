from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion.preconditioning import Edm
from trustdm.bench.training.denoisers import DenoiserSpec, DenoisingLoss, fresh
from trustdm.bench.training.diffusion_loop import DiffusionRecipe, train_network
from trustdm.bench.training.diffusion_losses import EdmLevels
from trustdm.bench.training.latent import Autoencoder, AutoencoderLoss, LatentSpec
from trustdm.bench.training.unet import UNetShape

RECIPE = DiffusionRecipe("t", steps=3, batch=8, warmup=0)
SPEC = LatentSpec(
    AutoencoderLoss(),
    RECIPE,
    DenoiserSpec(
        UNetShape(side=4, channels=4, patch=1, widths=(8, 16), embedding=12, noise=(-1.6, 1.1)),
        DenoisingLoss(Edm(1.0), EdmLevels(1.0)),
        RECIPE,
    ),
)


def bars(n: int = 64) -> Tensor:
    """Images with one bright row or column: four numbers describe each."""
    x = torch.full((n, 1, 16, 16), -1.0)
    for i in range(n):
        place = 2 + (5 * i) % 12
        if i % 2:
            x[i, 0, place - 1 : place + 2] = 1
        else:
            x[i, 0, :, place - 1 : place + 2] = 1
    return x


def test_shapes() -> None:
    network, x = Autoencoder(), bars(3)
    mean, log_variance = network.posterior(x)
    assert mean.shape == log_variance.shape == network.encode(x).shape == (3, 4, 4, 4)
    assert network.decode(mean).shape == x.shape


def test_latents_are_standardised_in_every_channel_and_decoded_as_before() -> None:
    network, x = fresh(Autoencoder, "t"), bars()
    assert isinstance(network, Autoencoder)
    raw = network.posterior(x)[0]
    network.standardise(x)
    z = network.encode(x)
    torch.testing.assert_close(z.mean(dim=(0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-4)
    torch.testing.assert_close(z.std(dim=(0, 2, 3)), torch.ones(4), rtol=1e-4, atol=0)
    torch.testing.assert_close(network.decode(z), network.decoder(raw), rtol=1e-4, atol=1e-5)


def test_the_divergence_is_that_of_two_gaussians() -> None:
    class Fixed(torch.nn.Module):
        """q(z | x) = N(0.3, 0.5^2) and a perfect decoder."""

        def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return torch.full((len(x), 4, 4, 4), 0.3), torch.full((len(x), 4, 4, 4), 2 * math.log(0.5))

        def decoder(self, z: Tensor) -> Tensor:
            return bars(len(z))

    x = bars(5)
    q, p = torch.distributions.Normal(0.3, 0.5), torch.distributions.Normal(0.0, 1.0)
    expected = 0.01 * 64 * float(torch.distributions.kl_divergence(q, p)) / 256
    loss = AutoencoderLoss(kl=0.01)(Fixed(), x, torch.zeros(5), torch.Generator())
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_an_autoencoder_learns_what_varies() -> None:
    recipe = DiffusionRecipe("t", steps=120, batch=16, lr=3e-3, warmup=10, half_life=100)
    network = train_network(fresh(Autoencoder, "t"), (bars(), torch.zeros(64)), recipe, AutoencoderLoss())
    with torch.no_grad():
        error = (network.decode(network.encode(bars())) - bars()).square().mean()  # type: ignore[operator]
    assert float(error) < 0.2 * float(bars().var())


def test_both_trainings_give_states_that_are_read_back() -> None:
    x, labels = bars(16), torch.arange(16) % 10
    coder = SPEC.train_autoencoder(x, labels)
    state = SPEC.train_denoiser(coder, (x, labels))
    assert {value.dtype for value in (*coder.values(), *state.values())} == {torch.float16}
    network = SPEC.restore_autoencoder(coder)
    z = network.encode(x)
    torch.testing.assert_close(z.std(dim=(0, 2, 3)), torch.ones(4), rtol=0.01, atol=0)
    out = SPEC.denoiser.restore(state)(z, torch.ones(16), labels)
    assert out.shape == z.shape and bool(torch.isfinite(out).all())


def test_the_denoiser_depends_on_the_autoencoder_it_was_trained_for() -> None:
    x, labels = bars(16), torch.arange(16) % 10
    first = SPEC.train_denoiser(SPEC.train_autoencoder(x, labels), (x, labels))
    other = replace(SPEC, recipe=replace(RECIPE, seed="other"))
    second = SPEC.train_denoiser(other.train_autoencoder(x, labels), (x, labels))
    assert not torch.equal(first["leave.coarse.weight"], second["leave.coarse.weight"])
