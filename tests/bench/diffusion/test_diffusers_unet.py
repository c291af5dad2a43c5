"""A network of diffusers under our samplers, compared with diffusers' own pipelines."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trustdm.bench.diffusion.ddpm import Implicit, ddim
from trustdm.bench.diffusion.denoiser import bind
from trustdm.bench.diffusion.diffusers_unet import from_diffusers_unet
from trustdm.bench.diffusion.generator import Generator
from trustdm.bench.diffusion.guidance import Guidance
from trustdm.bench.diffusion.schedules import alpha_bars, linear_betas, timesteps
from trustdm.bench.errors import UsageError
from trustdm.bench.method import TorchNoise
from trustdm.bench.rng import Noise

diffusers = pytest.importorskip("diffusers")
tiny = pytest.importorskip("tiny_pipelines")

LINEAR = {"beta_start": 1e-4, "beta_end": 0.02}


def theirs(pipeline: Any, x: torch.Tensor, steps: int) -> torch.Tensor:
    """What their loop makes of the noise ``x``, in network units."""
    pipeline.scheduler.set_timesteps(steps)
    with torch.no_grad():
        for t in pipeline.scheduler.timesteps:
            x = pipeline.scheduler.step(pipeline.unet(x, t).sample, t, x).prev_sample
    return x


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_our_ddim_over_their_network_is_their_ddim(prediction: str, spacing: str) -> None:
    pipeline = tiny.ddim(prediction_type=prediction, timestep_spacing=spacing, clip_sample=False, **LINEAR)
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    bars = alpha_bars(linear_betas(100))[timesteps(10, spacing, 100)]  # type: ignore[arg-type]
    denoise = bind(from_diffusers_unet(pipeline.unet, pipeline.scheduler), None)
    with torch.no_grad():
        ours = ddim(denoise, x.double(), torch.cat([bars, torch.ones(1)]), lambda use: x, Implicit())
    torch.testing.assert_close(ours.float(), theirs(pipeline, x, 10), rtol=1e-3, atol=1e-3)


def test_our_generator_over_their_network_is_their_pipeline_from_the_same_noise() -> None:
    pipeline = tiny.ddim(timestep_spacing="trailing", clip_sample=False, **LINEAR)
    denoise = from_diffusers_unet(pipeline.unet, pipeline.scheduler)
    ours = Generator(denoise, (1, 8, 8), "ddim", {"total": 100}).sample([4, 5], None, 5)
    x = TorchNoise(Noise("sample", [4, 5]), torch.device("cpu")).normal("initial", (1, 8, 8))
    torch.testing.assert_close(ours, (theirs(pipeline, x, 5) / 2 + 0.5).clamp(0, 1), rtol=1e-3, atol=1e-3)


def test_of_a_network_that_predicts_variances_the_first_channels_count() -> None:
    unet = tiny.unet(out=2)
    denoise = from_diffusers_unet(unet, diffusers.DDPMScheduler(num_train_timesteps=100))
    x, sigma = torch.randn(2, 1, 8, 8, dtype=torch.float64), torch.tensor([0.5, 2.0])
    bars = alpha_bars(linear_betas(100))
    with torch.no_grad():
        level = int((((1 - bars) / bars).sqrt().log() - sigma[1].log()).abs().argmin())
        noise = unet((x[1:] / 5**0.5).float(), torch.tensor([level])).sample[:, :1]
        torch.testing.assert_close(denoise(x, sigma)[1:], x[1:] - 2 * noise.double(), rtol=1e-3, atol=1e-4)


def test_labels_and_dropped_labels() -> None:
    unet, scheduler = tiny.unet(classes=4), diffusers.DDPMScheduler(num_train_timesteps=100)
    x, sigma = torch.zeros(2, 1, 8, 8), torch.ones(2)
    labels = torch.tensor([0, 1])
    with torch.no_grad():
        made = from_diffusers_unet(unet, scheduler)(x, sigma, labels)
        assert not torch.allclose(made[0], made[1])
        free = from_diffusers_unet(unet, scheduler, null=3)
        torch.testing.assert_close(free(x, sigma, None), free(x, sigma, torch.tensor([3, 3])))
        guided = Guidance(1.0).applied(free)(x, sigma, labels)
        torch.testing.assert_close(guided, made)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: from_diffusers_unet(tiny.unet(), diffusers.EDMEulerScheduler()), "expected a scheduler with alphas_"),
        (
            lambda: from_diffusers_unet(tiny.unet(), diffusers.DDIMScheduler(prediction_type="flow")),
            "prediction_type: expected epsilon, v_prediction, sample, got 'flow'",
        ),
        (
            lambda: from_diffusers_unet(tiny.unet(), diffusers.DDIMScheduler())(
                torch.zeros(1, 1, 8, 8), torch.ones(1), torch.zeros(1, dtype=torch.int64)
            ),
            "labels: expected none, got some",
        ),
        (
            lambda: from_diffusers_unet(tiny.unet(4), diffusers.DDIMScheduler())(
                torch.zeros(1, 1, 8, 8), torch.ones(1), None
            ),
            "labels: expected classes below 4, got none",
        ),
    ],
)
def test_what_cannot_be_adapted_is_one_line(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
