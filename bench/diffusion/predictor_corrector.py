"""The predictor-corrector samplers of Song et al. 2021 (score SDE)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import Denoise, Draw, scaled_score
from trustdm.bench.diffusion.options import Frame


@dataclass(frozen=True, slots=True)
class Corrector:
    """Langevin steps at a level: their number ``steps``, and ``snr``, r of Song et al. 2021, Alg. 4 and 5.

    ``norm``: whether |z| / |score| is taken of each image, or of means over the batch as their code does (an image then
    depends on its neighbours). ``order``: "predict-first" is Alg. 2 and 3; "correct-first" is their code, which
    corrects before each prediction and so never at the last level.
    """

    steps: int = 1
    snr: float = 0.16
    norm: Literal["image", "batch"] = "image"
    order: Literal["predict-first", "correct-first"] = "correct-first"


def predictor_corrector(
    frame: Frame, denoise: Denoise, x: Tensor, sigmas: Tensor, draw: Draw, corrector: Corrector
) -> Tensor:
    """Reverse-diffusion predictions, each with corrections. Song et al. 2021, Alg. 2 ("ve") and 3 ("vp").

    ``sigmas`` fall, the last may be 0. The state is x0 + sigma n in the frame "ve", and that divided by
    sqrt(1 + sigma^2) in "vp". The last prediction adds no noise.
    """
    predict = predict_ve if frame == "ve" else predict_vp
    steps = list(pairwise(sigmas.tolist()))
    for i, (s, t) in enumerate(steps):
        if corrector.order == "correct-first":
            x = correct(frame, denoise, x, (s, t), _part(draw, f"step {i}"), corrector)
        x, std = predict(denoise, x, s, t)
        if i < len(steps) - 1:
            x = x + std * draw(f"step {i}")
            if corrector.order == "predict-first":
                x = correct(frame, denoise, x, steps[i + 1], _part(draw, f"step {i}"), corrector)
    return x


def predict_ve(denoise: Denoise, x: Tensor, s: float, t: float) -> tuple[Tensor, float]:
    """Mean and standard deviation of the state at ``t`` given ``x`` at ``s``. Song et al. 2021, Alg. 2."""
    variance = s**2 - t**2
    return x + variance * scaled_score(denoise, x, s, 1.0), math.sqrt(variance)


def predict_vp(denoise: Denoise, x: Tensor, s: float, t: float) -> tuple[Tensor, float]:
    """Mean and standard deviation of the state at ``t`` given ``x`` at ``s``. Song et al. 2021, Alg. 3."""
    beta = 1 - alpha(s, t)
    mean = (2 - math.sqrt(1 - beta)) * x + beta * scaled_score(denoise, x, s, vp_scale(s))
    return mean, math.sqrt(beta)


def correct(
    frame: Frame, denoise: Denoise, x: Tensor, levels: tuple[float, float], draw: Draw, how: Corrector
) -> Tensor:
    """``x`` after Langevin steps at the first of ``levels`` (the second is the next one down).

    Song et al. 2021, Alg. 4 ("ve": eps = 2 (r |z| / |g|)^2) and 5 ("vp": alpha_i times that).
    """
    s, t = levels
    scale, slow = (1.0, 1.0) if frame == "ve" else (vp_scale(s), alpha(s, t))
    for j in range(how.steps):
        z, g = draw(f"correction {j}"), scaled_score(denoise, x, s, scale)
        epsilon = 2 * slow * (how.snr * size(z, how.norm) / size(g, how.norm)) ** 2
        x = x + epsilon * g + (2 * epsilon).sqrt() * z
    return x


def vp_scale(sigma: float) -> float:
    """sqrt(alpha_bar)."""
    return 1 / math.sqrt(1 + sigma**2)


def alpha(s: float, t: float) -> float:
    """alpha_i = 1 - beta_i of the chain's step between the levels ``s`` and ``t`` below it."""
    return (1 + t**2) / (1 + s**2)


def size(x: Tensor, norm: Literal["image", "batch"]) -> Tensor:
    """The Euclidean norm of each row of ``x`` (B, ...), or its mean over the batch; shaped to divide ``x``."""
    rows: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1).view(-1, *[1] * (x.dim() - 1))
    return rows.mean(0, keepdim=True) if norm == "batch" else rows


def _part(draw: Draw, prefix: str) -> Callable[[str], Tensor]:
    return lambda use: draw(f"{prefix} {use}")
