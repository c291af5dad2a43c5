"""Data whose denoiser has a closed form: a normal distribution, a mixture of them, and any finite set of images.

They answer what a perfect network would, so samplers, guidance and training are tested against them. Computed in
float64, returned in the type of ``x``; labels are int64 (B,) or None.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import column


class Gaussian:
    """x0 ~ N(mean, covariance); ``mean`` (C, H, W), ``covariance`` (d, d) for d = C H W, or one variance for all."""

    def __init__(self, mean: Tensor, covariance: Tensor | float):
        size = mean.numel()
        one = torch.eye(size, dtype=torch.float64, device=mean.device)
        matrix = covariance.double() if isinstance(covariance, Tensor) else covariance * one
        self.mean = mean.double()
        self._spectrum, self._basis = torch.linalg.eigh(matrix)

    def __call__(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """m + C (C + sigma^2 I)^-1 (x - m), the posterior mean."""
        along = (x.double() - self.mean).flatten(1) @ self._basis
        kept = self._spectrum / (self._spectrum + sigma.double().square()[:, None])
        moved: Tensor = (along * kept) @ self._basis.T
        return (self.mean + moved.view_as(x)).to(x.dtype)


class Mixture:
    """x0 ~ sum_k weights_k N(means_k, variances_k I); component k has the label ``classes[k]``.

    ``weights`` (K,) positive; ``means`` (K, C, H, W); ``variances`` (K,), may be 0; ``classes`` int64 (K,), by default
    k itself.
    """

    def __init__(self, weights: Tensor, means: Tensor, variances: Tensor, classes: Tensor | None = None):
        self.weights = weights.double() / weights.double().sum()
        self.means = means.double()
        self.variances = variances.double()
        self.classes = torch.arange(len(means), device=means.device) if classes is None else classes

    def __call__(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """The posterior mean given x (and given that the component has the label)."""
        share = self.log_joint(x, sigma, labels).softmax(1)
        kept = self.variances / (self.variances + sigma.double().square()[:, None])
        centres = (share * (1 - kept)) @ self.means.flatten(1)
        return (column((share * kept).sum(1), x) * x + centres.view_as(x)).to(x.dtype)

    def log_joint(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x, k; sigma) of each component: (B, K); -inf where the component has another label."""
        means, flat = self.means.flatten(1), x.double().flatten(1)
        variance = self.variances + sigma.double().square()[:, None]
        distance = flat.square().sum(1, keepdim=True) - 2 * flat @ means.T + means.square().sum(1)
        log_p = self.weights.log() - distance / (2 * variance) - means.shape[1] / 2 * (2 * math.pi * variance).log()
        return log_p if labels is None else log_p.masked_fill(self.classes != labels[:, None], -math.inf)

    def log_density(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x; sigma), or log p(x, y; sigma): (B,)."""
        return self.log_joint(x, sigma, labels).logsumexp(1)

    def log_posterior(self, x: Tensor, sigma: Tensor) -> Tensor:
        """log p(y | x; sigma), the logits of the ideal noisy classifier: (B, classes)."""
        joint = self.log_joint(x, sigma)
        of_class = [joint[:, self.classes == c].logsumexp(1) for c in range(int(self.classes.max()) + 1)]
        return torch.stack(of_class, 1).log_softmax(1)


def empirical(images: Tensor, labels: Tensor | None = None) -> Mixture:
    """The ideal denoiser of a finite data set (N, C, H, W). Karras et al. 2022, appendix B.3.

    A sampler given it returns images of the set. Every image weighs the same; ``labels`` int64 (N,).
    """
    weights = torch.ones(len(images), dtype=images.dtype, device=images.device)
    classes = torch.zeros(len(images), dtype=torch.int64, device=images.device) if labels is None else labels
    return Mixture(weights, images, torch.zeros_like(weights), classes)
