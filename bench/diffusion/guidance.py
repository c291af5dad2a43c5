"""Guidance: one denoiser made of two things that know about the label.

Every function returns a ``ConditionalDenoise``; without labels it is the unconditional denoiser. ``scale`` is s: 0 is
unconditional, 1 is the conditional distribution, more than 1 exaggerates it. Papers that write (1 + w) eps_c - w eps_u
(Ho and Salimans 2021, Eq. 6) count from there: w = s - 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import ConditionalDenoise, column

# classify(x (B, ...), sigma (B,)) -> logits (B, K) of a noisy image x0 + sigma n
NoisyClassifier = Callable[[Tensor, Tensor], Tensor]


def scale_of(w: float) -> float:
    """s = 1 + w."""
    return 1 + w


def classifier_free(denoise: ConditionalDenoise, scale: float) -> ConditionalDenoise:
    """D_u + s (D_c - D_u), at two evaluations each. Ho and Salimans 2021, Eq. 6, with s = 1 + w."""

    def guided(x: Tensor, sigma: Tensor, labels: Tensor | None) -> Tensor:
        free = denoise(x, sigma, None)
        return free if labels is None else free + scale * (denoise(x, sigma, labels) - free)

    return guided


def with_classifier(
    denoise: ConditionalDenoise, classify: NoisyClassifier, scale: float, conditional: bool = False
) -> ConditionalDenoise:
    """D + s sigma^2 grad_x log p(y | x; sigma). Dhariwal and Nichol 2021, Alg. 2, as a denoiser (their Eq. 14).

    D is the unconditional denoiser, or the one that is given the labels too (``conditional``).
    """

    def guided(x: Tensor, sigma: Tensor, labels: Tensor | None) -> Tensor:
        base = denoise(x, sigma, labels if conditional else None)
        if labels is None:
            return base
        return base + scale * column(sigma.square(), x) * log_gradient(classify, x, sigma, labels)

    return guided


def log_gradient(classify: NoisyClassifier, x: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
    """The gradient of log p(y | x; sigma) with respect to ``x`` (B, ...), row by row."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        log_p = classify(leaf, sigma).log_softmax(1).gather(1, labels[:, None]).sum()
        return torch.autograd.grad(log_p, leaf)[0]


def mean_pull(classify: NoisyClassifier, labels: Tensor, scale: float) -> Callable[[Tensor, Tensor], Tensor]:
    """s grad log p(y | x_t) for ``ddpm.Ancestral.pull``. Dhariwal and Nichol 2021, Alg. 1.

    There x_t is in the variance-preserving frame, hence the change of variables. It differs from ``with_classifier`` in
    the same chain by a factor that goes to 1 with beta.
    """

    def pull(x: Tensor, sigma: Tensor) -> Tensor:
        inverse = column((1 + sigma.square()).sqrt(), x)
        return scale * inverse * log_gradient(classify, inverse * x, sigma, labels)

    return pull


@dataclass(frozen=True)
class Guidance:
    """A scale, and the classifier that guides; without one, guidance is classifier-free.

    ``conditional``: whether the denoiser that a classifier guides is given the labels too.
    """

    scale: float
    classifier: NoisyClassifier | None = None
    conditional: bool = False

    def applied(self, denoise: ConditionalDenoise) -> ConditionalDenoise:
        if self.classifier is None:
            return classifier_free(denoise, self.scale)
        return with_classifier(denoise, self.classifier, self.scale, self.conditional)

    @property
    def evaluations(self) -> int:
        """Evaluations of the denoiser for one of the guided denoiser, given labels; a classifier's are not counted."""
        return 2 if self.classifier is None else 1
