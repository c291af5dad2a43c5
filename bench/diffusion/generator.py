"""A generator as the harness sees it: seeds and labels in, images in [0, 1] out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import ConditionalDenoise, bind
from trustdm.bench.diffusion.guidance import Guidance
from trustdm.bench.diffusion.preconditioning import denoised_boundary, to_boundary
from trustdm.bench.diffusion.samplers import make_sampler, require_steps
from trustdm.bench.errors import UsageError
from trustdm.bench.method import TorchNoise
from trustdm.bench.rng import Noise


class Generator:
    """A denoiser in network units, a sampler, and what may surround them."""

    def __init__(
        self,
        denoise: ConditionalDenoise,
        shape: Sequence[int],
        sampler: str = "heun",
        options: Mapping[str, Any] | None = None,
        guidance: Guidance | None = None,
        decode: Callable[[Tensor], Tensor] | None = None,
    ):
        """Puts a generator together.

        Args:
            denoise: ``denoise(x, sigma, labels)`` for images in [-1, 1], or for latents.
            shape: (C, H, W) of what is denoised.
            sampler: a name in ``samplers.SAMPLERS``.
            options: parameters of the sampler in place of its defaults, plain values.
            guidance: used where labels are given.
            decode: from latents to images in [-1, 1] (``latent.LatentSpace.decode``).

        Raises:
            UsageError: an unknown sampler or option (with near names).
        """
        self._denoise = denoise
        self._shape = tuple(shape)
        self._sampler = make_sampler(sampler, options)
        self._guidance = guidance
        self._decode = decode
        self._device = torch.device("cpu")

    def to(self, device: str | torch.device) -> Generator:
        """Makes noise on ``device`` from now on; the networks are moved by whoever holds them."""
        self._device = torch.device(device)
        return self

    def evaluations(self, steps: int, labelled: bool = False) -> int:
        """How often the network is evaluated for each image (NFE); ``labelled``: labels are given to ``sample``.

        Raises:
            UsageError: ``steps`` below 1.
        """
        each = self._guidance.evaluations if labelled and self._guidance is not None else 1
        return each * self._sampler.evaluations(require_steps(steps))

    @torch.no_grad()
    def sample(self, seeds: Sequence[int], labels: Tensor | None, steps: int) -> Tensor:
        """Images float32 (n, C, H, W) in [0, 1]; image i depends on ``seeds[i]`` and ``labels[i]`` only.

        ``labels`` int64 (n,), or None for unconditional samples. What a step is, each sampler says.

        Raises:
            UsageError: ``steps`` below 1 or more than the sampler has; no seeds, or a negative one; not one label
                for each seed.
        """
        require_steps(steps)
        if not len(seeds) or min(seeds) < 0:
            got = f"{min(seeds)}" if len(seeds) else "none"
            raise UsageError(f"seeds: expected at least one, none of them negative, got {got}")
        if labels is not None and labels.shape != (len(seeds),):
            raise UsageError(f"labels: expected {len(seeds)}, one for each seed, got shape {tuple(labels.shape)}")
        noise = TorchNoise(Noise("sample", seeds), self._device)
        denoise = self._denoise if self._guidance is None else self._guidance.applied(self._denoise)
        x = self._sampler.run(
            bind(denoise, None if labels is None else labels.to(self._device)),
            lambda use: noise.normal(use, self._shape).double(),
            steps,
        )
        images = x if self._decode is None else self._decode(x)
        return to_boundary(images).clamp(0, 1).float()

    def denoise(self, x01: Tensor, sigma01: Tensor, labels: Tensor | None = None) -> Tensor:
        """E[x0 | x] for images ``x01`` = x0 + sigma01 n, x0 in [0, 1]; without guidance, and not clipped.

        ``sigma01`` is positive, (B,) or a single level. Differentiable with respect to ``x01``.

        Raises:
            UsageError: this generator denoises latents, not images; a level that is not positive.
        """
        if self._decode is not None:
            raise UsageError("denoise: expected a generator of images, got one of latents; only sample is defined")
        return denoised_boundary(self._denoise, x01, sigma01, labels)
