"""What a purifier by diffusion may be told, and the cards of what is made of one; torch-free."""

from __future__ import annotations

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UsageError
from trustdm.bench.parts import Part

TIMESTEPS = 1000
"""Of the schedule of DDPM, which times are counted in."""
LAST_TIME = 1e-5
"""Where the reverse equation is stopped: Nie et al. 2022, as in their code."""
CHAINS = ("ddpm", "ddim")


def check(solver: str, t: float, steps: int, eta: float = 0.0) -> None:
    """Refuses what a solver cannot do.

    Raises:
        UsageError: one line.
    """
    if not LAST_TIME < t <= 1:
        raise UsageError(f"t: expected a time above 0 and at most 1 (0.1 is 100 of 1000 timesteps), got {t!r}")
    most = round(TIMESTEPS * t) if solver in CHAINS else None
    if most == 0:
        raise UsageError(f"t: expected at least {1 / TIMESTEPS:g} where solver is {solver}: one timestep, got {t!r}")
    if steps < 1 or (most is not None and steps > most):
        upto = "" if most is None else f" and at most {most}, the timesteps up to t = {t:g}"
        raise UsageError(f"steps: expected at least 1{upto}, got {steps!r}")
    if not 0 <= eta <= 1:
        raise UsageError(f"eta: expected 0 to 1, got {eta!r}")
    if eta and solver != "ddim":
        raise UsageError(f"eta: expected 0 where solver is {solver}, which has none, got {eta!r}")


def purifier_card(card: MethodCard, denoiser: Part) -> MethodCard:
    """The card of a purifier made of ``denoiser``: shape, data and weights are the denoiser's.

    Raises:
        UsageError: the denoiser draws random numbers of its own, which nobody could hold fixed.
    """
    made_of = denoiser.card
    if made_of.randomness != "none":
        raise UsageError(
            f"{card.name}: expected a denoiser that draws no random numbers, got {made_of.name}: {made_of.randomness}"
        )
    update = {"input_shape": made_of.input_shape, "data": made_of.data, "weights": made_of.weights}
    flags = {name: getattr(made_of, name) for name in ("external_data", "generated_data", "selection_data", "gradient")}
    return card.model_copy(update=update | flags)
