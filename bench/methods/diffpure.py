"""DiffPure (Nie et al. 2022): noise is added up to t*, and a registered denoiser takes it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from trustdm.bench.contracts import MethodCard
from trustdm.bench.diffusion.purifiers import check, purifier_card
from trustdm.bench.parameters import MethodThat
from trustdm.bench.parts import part
from trustdm.bench.registry import Registry, attach

if TYPE_CHECKING:
    from trustdm.bench.diffusion.purification import DenoisingPurifier, Purifier

Denoiser = Annotated[str, MethodThat("denoise")]
Solver = Literal["sde", "ode", "ddpm", "ddim"]
CARD = MethodCard(
    name="diffpure",
    title="DiffPure",
    summary="A registered denoiser as a purifier, diffpure:denoiser=digits-edm; before a classifier: "
    "purify:purifier=diffpure,denoiser=digits-edm,classifier=digits-standard.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Nie et al. 2022, Diffusion Models for Adversarial Purification",
    tags=("purification", "diffusion"),
    capabilities=("purify",),
    input_shape=(1, 1, 1),
    classes=0,
    randomness="keyed",
)


def card_of(
    registry: Registry,
    *,
    denoiser: Denoiser,
    solver: Solver = "sde",
    t: float = 0.1,
    steps: int = 100,
    eta: float = 0.0,
) -> tuple[MethodCard, dict[str, object]]:
    """The card of the purifier that a denoiser makes, and its parameters.

    Raises:
        UsageError: a method that does not denoise, or parameters that the solver does not have.
    """
    check(solver, t, steps, eta)
    made = part(registry, denoiser, "denoise", CARD.name)
    kept: dict[str, object] = {"denoiser": made.identity, "solver": solver, "t": t, "steps": steps}
    return purifier_card(CARD, made), kept | ({"eta": eta} if solver == "ddim" else {})


@attach("method", CARD, card_of, parts=("denoiser",))
def load(
    registry: Registry,
    *,
    denoiser: Denoiser,
    solver: Solver = "sde",
    t: float = 0.1,
    steps: int = 100,
    eta: float = 0.0,
) -> DenoisingPurifier:
    """The purifier.

    Args:
        denoiser: what takes the noise away: NAME, or NAME:PATH for a pipeline of diffusers.
        solver: of the reverse process: the VP SDE, its probability flow, the DDPM chain or DDIM.
        t: the time t* up to which noise is added, above 0 and at most 1; 0.1 is 100 of 1000 timesteps.
        steps: of the solver, each a pass of the denoiser; the paper's step of 1/1000 is 1000 t.
        eta: of DDIM: share of the noise of DDPM that is injected, 0 to 1.
    """
    from trustdm.bench.diffusion.purification import DdimChain, DdpmChain, DenoisingPurifier, VpOde, VpSde

    solvers: dict[str, Purifier] = {"sde": VpSde(t, steps), "ode": VpOde(t, steps), "ddpm": DdpmChain(t, steps)}
    return DenoisingPurifier(
        part(registry, denoiser, "denoise", CARD.name).load(), solvers.get(solver) or DdimChain(t, steps, eta)
    )
