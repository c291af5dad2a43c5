"""GDMP (Wang et al. 2022): purification by DDPM, guided by the image that came in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from trustdm.bench.contracts import MethodCard
from trustdm.bench.diffusion.purifiers import check, purifier_card
from trustdm.bench.errors import UsageError
from trustdm.bench.parameters import MethodThat
from trustdm.bench.parts import part
from trustdm.bench.registry import Registry, attach

if TYPE_CHECKING:
    from trustdm.bench.diffusion.purification import DenoisingPurifier

Denoiser = Annotated[str, MethodThat("denoise")]
CARD = MethodCard(
    name="gdmp",
    title="Guided diffusion purification (GDMP)",
    summary="DDPM steps pulled towards the noisy input, gdmp:denoiser=digits-edm; before a classifier: "
    "purify:purifier=gdmp,denoiser=digits-edm,classifier=digits-standard.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Wang et al. 2022, Guided Diffusion Model for Adversarial Purification",
    tags=("purification", "diffusion", "guidance"),
    capabilities=("purify",),
    input_shape=(1, 1, 1),
    classes=0,
    randomness="keyed",
)


def card_of(
    registry: Registry, *, denoiser: Denoiser, t: float = 0.05, steps: int = 50, guidance: float = 1.0, repeats: int = 4
) -> tuple[MethodCard, dict[str, object]]:
    """The card of the purifier that a denoiser makes, and its parameters.

    Raises:
        UsageError: a method that does not denoise, or a parameter out of range.
    """
    check("ddpm", t, steps)
    for name, value, least in (("guidance", guidance, 0), ("repeats", repeats, 1)):
        if not least <= value < math.inf:
            raise UsageError(f"{CARD.name}: {name}: expected at least {least}, got {value!r}")
    made = part(registry, denoiser, "denoise", CARD.name)
    numbers = {"t": t, "steps": steps, "guidance": guidance, "repeats": repeats}
    return purifier_card(CARD, made), {"denoiser": made.identity, **numbers}


@attach("method", CARD, card_of, parts=("denoiser",))
def load(
    registry: Registry, *, denoiser: Denoiser, t: float = 0.05, steps: int = 50, guidance: float = 1.0, repeats: int = 4
) -> DenoisingPurifier:
    """The purifier.

    Args:
        denoiser: what takes the noise away: NAME, or NAME:PATH for a pipeline of diffusers.
        t: the time up to which noise is added, above 0 and at most 1; 0.05 is 50 of 1000 timesteps.
        steps: of each purification, each a pass of the denoiser.
        guidance: how strongly a step is pulled towards the input; 0: DDPM.
        repeats: purifications one after the other.
    """
    from trustdm.bench.diffusion.purification import DenoisingPurifier, Guided

    return DenoisingPurifier(part(registry, denoiser, "denoise", CARD.name).load(), Guided(t, steps, guidance, repeats))
