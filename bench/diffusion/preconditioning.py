"""From a network to a denoiser: D(x; sigma) = c_skip x + c_out F(c_in x; c_noise). Karras et al. 2022, Eq. 7, Table 1.

Everything is in network units: images in [-1, 1]. ``to_boundary`` and ``from_boundary`` map to and from [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import column
from trustdm.bench.diffusion.options import BETA_D, BETA_MIN
from trustdm.bench.diffusion.schedules import closest_timestep, iddpm_grid, vp_time
from trustdm.bench.errors import UnknownName, UsageError

# network(x (B, C, H, W) float32, noise (B,) float32, labels (B,) or None) -> (B, C, H, W)
Network = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True, slots=True)
class Coefficients:
    """c_skip, c_out, c_in and c_noise, each of the shape of the sigmas they belong to."""

    skip: Tensor
    out: Tensor
    into: Tensor
    noise: Tensor


class Preconditioning(Protocol):
    """How a network is wrapped."""

    def coefficients(self, sigma: Tensor) -> Coefficients:
        """The four coefficients at ``sigma`` (B,), positive, in network units."""
        ...


@dataclass(frozen=True, slots=True)
class Edm:
    """Karras et al. 2022, Table 1, column "Ours"."""

    sigma_data: float = 0.5

    def coefficients(self, sigma: Tensor) -> Coefficients:
        total = (sigma.square() + self.sigma_data**2).sqrt()
        return Coefficients(
            self.sigma_data**2 / total.square(), sigma * self.sigma_data / total, 1 / total, sigma.log() / 4
        )


@dataclass(frozen=True, slots=True)
class Vp:
    """Karras et al. 2022, Table 1, column "VP": the network predicts -noise; c_noise is (M - 1) t(sigma)."""

    beta_d: float = BETA_D
    beta_min: float = BETA_MIN
    total: int = 1000

    def coefficients(self, sigma: Tensor) -> Coefficients:
        noise = (self.total - 1) * vp_time(sigma, self.beta_d, self.beta_min)
        return Coefficients(torch.ones_like(sigma), -sigma, 1 / (1 + sigma.square()).sqrt(), noise)


@dataclass(frozen=True, slots=True)
class Ve:
    """Karras et al. 2022, Table 1, column "VE"."""

    def coefficients(self, sigma: Tensor) -> Coefficients:
        return Coefficients(torch.ones_like(sigma), sigma, torch.ones_like(sigma), (sigma / 2).log())


@dataclass(frozen=True, slots=True)
class Iddpm:
    """Karras et al. 2022, Table 1, column "iDDPM": c_noise is M - 1 - j for the grid level u_j nearest to sigma."""

    total: int = 1000

    def coefficients(self, sigma: Tensor) -> Coefficients:
        grid = iddpm_grid(self.total).to(sigma)
        nearest = (sigma[:, None] - grid).abs().argmin(1)
        noise = (self.total - 1 - nearest).to(sigma)
        return Coefficients(torch.ones_like(sigma), -sigma, 1 / (1 + sigma.square()).sqrt(), noise)


@dataclass(frozen=True, eq=False)
class Discrete:
    """A network of discrete timesteps (DDPM and most checkpoints); c_noise is the timestep nearest to sigma.

    ``bars`` (T,) are its alpha_bars. ``predicts``: "epsilon" (Ho et al. 2020), "v" (Salimans and Ho 2022) or "sample".
    """

    bars: Tensor
    predicts: Literal["epsilon", "v", "sample"] = "epsilon"

    def coefficients(self, sigma: Tensor) -> Coefficients:
        into = 1 / (1 + sigma.square()).sqrt()
        noise = closest_timestep(sigma, self.bars).to(sigma)
        if self.predicts == "v":
            return Coefficients(into.square(), -sigma * into, into, noise)
        if self.predicts == "sample":
            return Coefficients(torch.zeros_like(sigma), torch.ones_like(sigma), into, noise)
        return Coefficients(torch.ones_like(sigma), -sigma, into, noise)


PRECONDITIONINGS: dict[str, Callable[[], Preconditioning]] = {"edm": Edm, "vp": Vp, "ve": Ve, "iddpm": Iddpm}


def preconditioning(name: str) -> Preconditioning:
    """The preconditioning of that name, with the paper's constants.

    Raises:
        UnknownName: with near names.
    """
    if name not in PRECONDITIONINGS:
        raise UnknownName("preconditioning", name, PRECONDITIONINGS)
    return PRECONDITIONINGS[name]()


@dataclass(frozen=True, eq=False)
class Preconditioned:
    """A denoiser made of a network; ``denoise(x, sigma, labels)``."""

    network: Network
    kind: Preconditioning

    def __call__(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """E[x0 | x], in the type of ``x``; the state may be float64, the network runs in float32."""
        c = self.kind.coefficients(sigma.double())
        into = (column(c.into, x) * x).float()
        answer = self.network(into, c.noise.float(), labels)
        return (column(c.skip, x) * x + column(c.out, x) * answer.double()).to(x.dtype)


def precondition(network: Network, kind: Preconditioning | str) -> Preconditioned:
    """The denoiser of ``network`` under ``kind`` (or the name of one)."""
    return Preconditioned(network, preconditioning(kind) if isinstance(kind, str) else kind)


def to_boundary(x: Tensor) -> Tensor:
    """Images from [-1, 1] to [0, 1]; a noise level on the way is halved."""
    return (x + 1) / 2


def from_boundary(x: Tensor) -> Tensor:
    """Images from [0, 1] to [-1, 1]; a noise level on the way is doubled."""
    return 2 * x - 1


def denoised_boundary(
    denoise: Callable[[Tensor, Tensor, Tensor | None], Tensor], x01: Tensor, sigma01: Tensor, labels: Tensor | None
) -> Tensor:
    """E[x0 | x] for images ``x01`` = x0 + sigma01 n, x0 in [0, 1], by a denoiser of images in [-1, 1]; not clipped.

    ``sigma01`` is positive, (B,) or a single level. Differentiable with respect to ``x01``.

    Raises:
        UsageError: a level that is not positive.
    """
    if not bool((sigma01 > 0).all()):
        raise UsageError(f"denoise: sigma01: expected positive levels, got {float(sigma01.min())}")
    sigma = 2 * sigma01.to(x01.device).double().expand(len(x01))
    return to_boundary(denoise(from_boundary(x01.double()), sigma, labels)).to(x01.dtype)
