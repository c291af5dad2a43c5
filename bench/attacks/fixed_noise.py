"""The attack "fixed-noise": the adversary knows the random numbers that the method will draw."""

from __future__ import annotations

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.perturb.searching import ExpectedLossAttack, Loss

CARD = AttackCard(
    name="fixed-noise",
    version="1",
    norms=("linf", "l2"),
    access="noise",
    paper="Liu et al. 2024, Towards understanding the robustness of diffusion-based purification: a stochastic "
    "perspective",
    summary="PGD under the very draw that is judged: what is left once the randomness is known.",
)


@attack(CARD)
class FixedNoise(ExpectedLossAttack):
    """PGD on the deterministic function that the method is under one draw, for each draw that is judged.

    Args:
        steps: of the search.
        step_size: an exact fraction of the [0, 1] range as text, "3/200"; empty: 2.5 eps / steps.
        loss: "margin", "ce" or "dlr".
        random_start: whether it starts uniformly in the ball, or at the image.
    """

    CARD = CARD

    def __init__(
        self, *, steps: int = 40, step_size: str = "", loss: Loss = "margin", random_start: bool = True
    ) -> None:
        super().__init__(steps=steps, eot=1, step_size=step_size, loss=loss, random_start=random_start)
