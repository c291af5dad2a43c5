"""Whether the gradient that attacks follow is that of the method: directional central differences under fixed noise.

A wrong gradient makes every attack that follows it weak, and the defence look strong (Athalye et al. 2018). The slope
of a difference of two logits is measured along random directions and along the declared gradient itself, at images
inside the box and at what an attack made of them, with the method's noise held fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.method import contract_errors, seeded
from trustdm.bench.rng import Noise
from trustdm.bench.targets.classify import Target

ROWS = 4
"""Images of a block that are looked at: a few slopes cost what a step of an attack does."""
DIRECTIONS = 12
STEPS = (1e-4, 3e-4, 1e-3)
"""Root mean square changes of a pixel; the smallest is above the rounding of float32, the largest below the bends."""
TOLERANCE = 0.15
"""Relative error above which a slope is another one; float32, exact gradients of networks with kinks stay below .1."""
INSIDE = 0.04
"""Images are drawn in from the border of the box by this, where a method that clips has two slopes, and moved by less
than it, pixel by pixel: in a flat region every maximum is a tie."""
REPEATS = 1e-4
TINY = 1e-7
Classify = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Gate:
    """Verdicts on the rows that were looked at, each (n,).

    ``unrepeatable``: other logits under the same noise; ``wrong``: another slope than the declared one.
    """

    unrepeatable: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


def held(target: Target, noise: Noise) -> Classify:
    """The method with all of its randomness fixed: the noise it is given, and the state of global generators."""
    given = target.on(noise)

    def classify(x: Tensor) -> Tensor:
        with seeded(noise.key, "gate"):
            return given(x)

    return classify


def inspect(classify: Classify, x: Tensor, y: Tensor, noise: Noise) -> Gate:
    """Compares declared and measured slopes at ``x`` (n, C, H, W) of what is classified as ``y``.

    ``classify`` is deterministic; ``noise`` chooses the directions, row by row.
    """
    jitter = torch.from_numpy(noise.uniform("jitter", x.shape[1:])).to(x.device) - 0.5
    x = INSIDE + (1 - 2 * INSIDE) * x + 1.9 * INSIDE * jitter
    with torch.no_grad():
        first, second = classify(x), classify(x)
    rival = first.scatter(1, y[:, None], -torch.inf).argmax(1)

    def difference(images: Tensor) -> Tensor:
        logits = classify(images)
        return (logits.gather(1, y[:, None]) - logits.gather(1, rival[:, None]))[:, 0]

    gradient = _gradient(difference, x)
    directions = _directions(gradient, noise)
    errors = [_errors(difference, x, gradient, directions, step) for step in STEPS]
    unrepeatable = (first - second).abs().amax(1) > REPEATS * first.abs().amax(1).clamp_min(1)
    wrong = torch.stack(errors).amin(0) > TOLERANCE
    return Gate(unrepeatable.cpu().numpy(), (wrong & ~unrepeatable).cpu().numpy())


def _gradient(difference: Classify, x: Tensor) -> Tensor:
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad(), contract_errors("the gradient of its logits"):
        return torch.autograd.grad(difference(leaf).sum(), leaf)[0]


def _directions(gradient: Tensor, noise: Noise) -> Tensor:
    """(D + 1, n, C, H, W): random ones, then that of the gradient; each has a root mean square of 1."""
    drawn = [noise.normal(f"direction {k}", gradient.shape[1:]) for k in range(DIRECTIONS)]
    every = torch.cat([torch.from_numpy(np.stack(drawn)).to(gradient.device), gradient[None]])
    size = every.flatten(2).square().mean(2).sqrt().clamp_min(1e-30)
    return every / size.view(*size.shape, 1, 1, 1)


def _errors(difference: Classify, x: Tensor, gradient: Tensor, directions: Tensor, step: float) -> Tensor:
    """(n,): the larger of the relative errors over the random directions, and along the gradient."""
    with torch.no_grad():
        measured = torch.stack([difference(x + step * d) - difference(x - step * d) for d in directions]) / (2 * step)
    declared = (directions * gradient).flatten(2).sum(2)
    apart, size = (measured - declared).square(), measured.square()
    over = (apart[:-1].mean(0) / (size[:-1].mean(0) + TINY)).sqrt()
    along = (apart[-1] / (size[-1] + TINY)).sqrt()
    return torch.maximum(over, along)
