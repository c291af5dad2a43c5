"""Checks of ``purify``; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trustdm.bench.capabilities.purify import PURIFY
from trustdm.bench.checks.cases import KEY, ROWS, Check, MethodCase, generators_untouched, require, require_close
from trustdm.bench.checks.classify import ROW_TOLERANCE
from trustdm.bench.rng import Noise

if TYPE_CHECKING:
    from torch import Tensor

SEEDED = "randomness is block-seeded: rows share one stream"


def check_purified(case: MethodCase) -> str | None:
    """Purified images are finite floating point (B, C, H, W), for one and for several: a classifier takes them."""
    import torch

    for count in (1, ROWS):
        x = case.images[:count]
        made, want = _purified(case, x), tuple(x.shape)
        require(isinstance(made, torch.Tensor), f"expected a tensor of images {want}, got {type(made).__name__}")
        require(tuple(made.shape) == want, f"expected images of shape {want}, got {tuple(made.shape)}")
        require(made.is_floating_point(), f"expected floating point images, got {made.dtype}")
        require(bool(torch.isfinite(made.float()).all()), "expected finite images, got NaN or infinity")
    return None


def check_purified_alone(case: MethodCase) -> str | None:
    """An image is purified as it is alone, with its own noise: EOT repeats images within a batch."""
    if case.card.randomness == "block-seeded":
        return SEEDED
    together = _purified(case, case.images)
    for i in range(ROWS):
        alone = _purified(case, case.images[i : i + 1], examples=[i])
        require_close(alone[0], together[i], ROW_TOLERANCE, f"expected image {i} alone to come out as in the batch")
    return None


def check_purify_repeatable(case: MethodCase) -> str | None:
    """The same image and noise give the same, bit for bit, and the image stays: what is attacked is what is judged."""
    import torch

    x = case.images
    first = _purified(case, x)
    require(torch.equal(x, case.images), "expected the input to stay as it was, got it modified in place")
    require(torch.equal(_purified(case, x), first), "expected the same answer to the same image and noise, got another")
    if case.card.randomness != "block-seeded":
        with generators_untouched("purify"):
            _purified(case, x)
    return None


def check_purifying_noise_is_used(case: MethodCase) -> str | None:
    """A purifier declared random is random in the noise it is given: else attacks would average over nothing."""
    import torch

    if case.card.randomness == "none":
        return "randomness is none"
    same = torch.equal(_purified(case, case.images), _purified(case, case.images, key=f"{KEY}/other"))
    require(not same, "expected another answer with other noise, got the same; declare randomness 'none'")
    return None


def _purified(case: MethodCase, x: Tensor, *, examples: Sequence[int] | None = None, key: str = KEY) -> Tensor:
    from trustdm.bench.method import TorchNoise, place, seeded
    from trustdm.bench.targets.purify import call

    purify = place(case.loaded, case.card, "cpu", PURIFY)
    noise = TorchNoise(Noise(key, examples or range(len(x))), x.device)
    if case.card.randomness == "block-seeded":
        with seeded(key):
            return call(purify, case.card, x, noise)  # type: ignore[no-any-return]
    return call(purify, case.card, x, noise)  # type: ignore[no-any-return]


CHECKS: tuple[Check, ...] = (
    check_purified,
    check_purified_alone,
    check_purify_repeatable,
    check_purifying_noise_is_used,
)
