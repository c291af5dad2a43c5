"""A ``UNet2DModel`` of diffusers as a denoiser, so that every sampler and every kind of guidance here takes it."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from trustdm.bench.diffusion.preconditioning import Discrete, Preconditioned
from trustdm.bench.errors import UsageError

PREDICTIONS: dict[str, Literal["epsilon", "v", "sample"]] = {
    "epsilon": "epsilon",
    "v_prediction": "v",
    "sample": "sample",
}


def from_diffusers_unet(unet: nn.Module, scheduler: Any, null: int | None = None) -> Preconditioned:
    """The denoiser D(x, sigma, labels) in network units of a network that diffusers trained.

    Args:
        unet: a ``UNet2DModel``, called as ``unet(x, timesteps, class_labels=...)``. Of a network that also predicts
            variances, the first channels count.
        scheduler: the one it was trained with: says the ``alphas_cumprod`` and what is predicted (epsilon, v, sample).
        null: the class that stands for "no label" in a conditional network trained with dropped labels.

    Raises:
        UsageError: the scheduler has no discrete variance-preserving schedule, or the prediction is of another kind.
    """
    bars = getattr(scheduler, "alphas_cumprod", None)
    kind = getattr(scheduler.config, "prediction_type", "epsilon")
    if not isinstance(bars, Tensor):
        raise UsageError(
            f"from_diffusers_unet: expected a scheduler with alphas_cumprod, got {type(scheduler).__name__}"
        )
    if kind not in PREDICTIONS:
        raise UsageError(f"from_diffusers_unet: prediction_type: expected {', '.join(PREDICTIONS)}, got {kind!r}")
    return Preconditioned(UnetCall(unet, null), Discrete(bars.double(), PREDICTIONS[kind]))


class UnetCall:
    """The network as ``preconditioning.Network`` calls it."""

    def __init__(self, unet: Any, null: int | None = None):
        self.unet = unet
        self._null = null
        self._classes: int | None = getattr(unet.config, "num_class_embeds", None)

    def __call__(self, x: Tensor, noise: Tensor, labels: Tensor | None) -> Tensor:
        """The prediction (B, C, H, W) at timesteps ``noise`` (B,).

        Raises:
            UsageError: labels for a network that takes none, or none for one that needs them.
        """
        if labels is None and self._null is not None:
            labels = torch.full((len(x),), self._null, dtype=torch.int64, device=x.device)
        if (labels is None) != (self._classes is None):
            expected, got = ("none", "some") if self._classes is None else (f"classes below {self._classes}", "none")
            raise UsageError(f"{type(self.unet).__name__}: labels: expected {expected}, got {got}")
        answer: Tensor = self.unet(x, noise.long(), class_labels=labels).sample
        return answer[:, : x.shape[1]]
