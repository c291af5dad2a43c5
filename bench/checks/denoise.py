"""Checks of ``denoise``; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.checks.cases import ROWS, Check, MethodCase, generators_untouched, require, require_close
from trustdm.bench.checks.classify import ROW_TOLERANCE

if TYPE_CHECKING:
    from torch import Tensor

NO_IMAGES = "it makes no images to add noise to"
TINY_LEVEL = 0.005  # the least that a chain of 1000 timesteps knows, in units of [0, 1]
TINY_CHANGE = 0.1
STRONG_LEVEL = 1.0
LEFT = 0.5  # the most that an image in [0, 1] can be from its mean
UNIT_LEVEL = 0.25
UNIT_RANGE = (0.85, 1.5)  # samples of few steps have some noise left, which counts as removed


def check_denoised(case: MethodCase) -> str | None:
    """Denoised images are finite floating point (B, C, H, W), for one and for several: purifiers hand them on."""
    import torch

    for count in (1, ROWS):
        x = case.images[:count]
        made, want = case.denoised(x, torch.full((count,), 0.3, device=case.device), range(count)), tuple(x.shape)
        require(isinstance(made, torch.Tensor), f"expected a tensor of images {want}, got {type(made).__name__}")
        require(tuple(made.shape) == want, f"expected images of shape {want}, got {tuple(made.shape)}")
        require(made.is_floating_point(), f"expected floating point images, got {made.dtype}")
        require(bool(torch.isfinite(made.float()).all()), "expected finite images, got NaN or infinity")
    return None


def check_denoised_alone(case: MethodCase) -> str | None:
    """A row is denoised as it is alone, at its own level: levels and images of neighbours do not count."""
    import torch

    def levels() -> Tensor:
        return torch.linspace(0.05, 0.8, ROWS, device=case.device)

    together = case.denoised(case.images, levels())
    for i in range(ROWS):
        alone = case.denoised(case.images[i : i + 1], levels()[i : i + 1], [i])
        require_close(alone[0], together[i], ROW_TOLERANCE, f"expected image {i} alone to come out as in the batch")
    return None


def check_denoised_little(case: MethodCase) -> str | None:
    """At a tiny level images come back about as they were: what is removed must be noise."""
    if "sample" not in case.card.capabilities:
        return NO_IMAGES
    x = case.clean
    moved = _size(_noisy_and_denoised(case, x, TINY_LEVEL)[1] - x)
    require(
        moved <= TINY_CHANGE,
        f"expected images at level {TINY_LEVEL} to move by at most {TINY_CHANGE} (root mean square), got {moved:.2g}",
    )
    return None


def check_denoised_much(case: MethodCase) -> str | None:
    """Most of a strong noise is removed: a smoothed classifier sees what is left."""
    x = case.clean
    left = _size(_noisy_and_denoised(case, x, STRONG_LEVEL)[1] - x) / STRONG_LEVEL
    require(
        left <= LEFT, f"level {STRONG_LEVEL:g}: expected at most {LEFT:.0%} of the noise to be left, got {left:.0%}"
    )
    return None


def check_level_units(case: MethodCase) -> str | None:
    """Levels are standard deviations in units of [0, 1]: a network of images in [-1, 1] must be told twice as much.

    Of a posterior mean, what it removes and what it leaves are orthogonal: their squares add up to that of the noise.
    Given half the level it removes too little for that, given twice the level too much.
    """
    if "sample" not in case.card.capabilities:
        return NO_IMAGES
    x = case.clean
    noisy, made = _noisy_and_denoised(case, x, UNIT_LEVEL)
    total = (_size(noisy - made) ** 2 + _size(made - x) ** 2) / _size(noisy - x) ** 2
    low, high = UNIT_RANGE
    require(
        low <= total <= high,
        f"level {UNIT_LEVEL}: expected the squares of what is removed and of what is left to add up to {low} to {high} "
        f"of that of the noise, got {total:.2f}; is the level that of images in [0, 1]?",
    )
    return None


def check_denoise_repeatable(case: MethodCase) -> str | None:
    """The same image and level give the same, and stay as they were: a purified image could not be found again."""
    import torch

    x, sigma = case.images, torch.full((ROWS,), 0.3, device=case.device)
    first = case.denoised(x, sigma)
    untouched = torch.equal(x, case.images) and bool((sigma == 0.3).all())
    require(untouched, "expected images and levels to stay as they were, got them modified in place")
    require(torch.equal(case.denoised(x, sigma), first), "expected the same answer to the same image, got another")
    if case.card.randomness != "block-seeded":
        with generators_untouched("denoise"):
            case.denoised(x, sigma)
    return None


def _noisy_and_denoised(case: MethodCase, x: Tensor, level: float) -> tuple[Tensor, Tensor]:
    """``x`` with noise of standard deviation ``level``, and what the denoiser makes of it."""
    import torch

    noisy = x + level * case.normal("noise", x.shape[1:])
    return noisy, case.denoised(noisy.clone(), torch.full((ROWS,), level, device=case.device))


def _size(x: Tensor) -> float:
    """The root mean square."""
    return float(x.detach().double().square().mean().sqrt())


CHECKS: tuple[Check, ...] = (
    check_denoised,
    check_denoised_alone,
    check_denoised_little,
    check_denoised_much,
    check_level_units,
    check_denoise_repeatable,
)
