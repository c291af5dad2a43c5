"""The attack "pgd-eot": PGD on the expected loss of a randomized method."""

from __future__ import annotations

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.perturb.searching import ExpectedLossAttack, Loss

CARD = AttackCard(
    name="pgd-eot",
    version="1",
    norms=("linf", "l2"),
    access="gradient",
    paper="Athalye et al. 2018, Obfuscated gradients give a false sense of security",
    summary="PGD with the gradient averaged over draws (EOT), through every step of a purifier.",
)


@attack(CARD)
class PgdEot(ExpectedLossAttack):
    """PGD on the loss averaged over draws; Lee and Kim 2023 use 200 steps of 20 draws against purifiers.

    Args:
        steps: of the search.
        eot: draws that are averaged at each step, where the target is randomized.
        step_size: an exact fraction of the [0, 1] range as text, "3/200"; empty: 2.5 eps / steps.
        loss: "margin", "ce" or "dlr".
        random_start: whether it starts uniformly in the ball, or at the image.
    """

    CARD = CARD

    def __init__(
        self,
        *,
        steps: int = 20,
        eot: int = 10,
        step_size: str = "",
        loss: Loss = "margin",
        random_start: bool = True,
    ) -> None:
        super().__init__(steps=steps, eot=eot, step_size=step_size, loss=loss, random_start=random_start)
