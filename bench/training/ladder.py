"""The ladder of EDM at the scale of the demo: from a DDPM-like baseline to the final recipe, one change at a time.

Karras et al. 2022, Table 2, rungs A to F on the VP side: each keeps what the rungs before it changed.

    A  baseline          VP preconditioning and loss, a constant rate without warm-up, a network that is narrow where
                         the maps are large, an average over few images
    B  hyper-parameters  a higher rate with warm-up and a cosine, another half-life of the average
    C  capacity          the same number of weights moved from the smaller maps to the larger ones
    D  preconditioning   EDM's c_skip, c_out, c_in, c_noise
    E  loss              EDM's distribution and weight of noise levels
    F  augmentation      non-leaky: the network is told what was done to an image

The steps are the same on every rung, so that what differs is what the name says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trustdm.bench.diffusion.preconditioning import Edm, Vp
from trustdm.bench.errors import UnknownName
from trustdm.bench.training.augmentation import NUMBERS, Augmentation
from trustdm.bench.training.denoisers import DenoiserSpec, DenoisingLoss
from trustdm.bench.training.diffusion_loop import DiffusionRecipe
from trustdm.bench.training.diffusion_losses import EdmLevels, VpLevels
from trustdm.bench.training.unet import UNetShape

EDM_NOISE = (-1.6, 1.1)
"""ln(sigma) / 4 from about 0.002 to 80: the range that EDM's c_noise is scaled from."""
VP_NOISE = (0.0, 999.0)


@dataclass(frozen=True)
class Rung:
    """One rung: its letter, what it changes, and the denoiser."""

    name: str
    change: str
    spec: DenoiserSpec


def ladder(seed: str, sigma_data: float, steps: int = 8000, no_label: float = 0.15) -> dict[str, Rung]:
    """The rungs by name, for grey images of 16x16 in ten classes with standard deviation ``sigma_data``."""
    baseline = DenoiserSpec(
        UNetShape(widths=(16, 72), noise=VP_NOISE),
        DenoisingLoss(Vp(), VpLevels(), no_label),
        DiffusionRecipe(seed, steps, lr=2e-4, warmup=0, cosine=False, half_life=4_000),
    )
    tuned = replace(baseline, recipe=DiffusionRecipe(seed, steps))
    wider = replace(tuned, shape=UNetShape(noise=VP_NOISE))
    edm = replace(wider, shape=UNetShape(noise=EDM_NOISE), loss=replace(wider.loss, kind=Edm(sigma_data)))
    aimed = replace(edm, loss=replace(edm.loss, levels=EdmLevels(sigma_data, p_mean=-0.8)))
    augmented = replace(
        aimed,
        shape=replace(aimed.shape, augment=NUMBERS),
        loss=replace(aimed.loss, augmentation=Augmentation()),
    )
    rungs = (
        Rung("A", "baseline", baseline),
        Rung("B", "hyper-parameters", tuned),
        Rung("C", "capacity", wider),
        Rung("D", "preconditioning", edm),
        Rung("E", "loss", aimed),
        Rung("F", "augmentation", augmented),
    )
    return {rung.name: rung for rung in rungs}


def rung(name: str, seed: str, sigma_data: float, steps: int = 8000) -> Rung:
    """One rung of the ladder.

    Raises:
        UnknownName: no such rung.
    """
    known = ladder(seed, sigma_data, steps)
    if name not in known:
        raise UnknownName("rung", name, [f"{r.name} ({r.change})" for r in known.values()])
    return known[name]


def unlabelled(spec: DenoiserSpec) -> DenoiserSpec:
    """The same denoiser without labels."""
    return replace(spec, shape=replace(spec.shape, classes=0), loss=replace(spec.loss, no_label=0.0))
