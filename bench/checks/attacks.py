"""Checks of an attack; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from trustdm.bench.checks.cases import KEY, ROWS, AttackCase, Check, generators_untouched, require
from trustdm.bench.errors import UsageError
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from torch import Tensor

PART = (4, 1, 5)
TOLERANCE = 1e-5


def check_candidates(case: AttackCase) -> str | None:
    """Candidates are finite floating point images of the shape of the input: the harness projects and judges these."""
    import torch

    for norm, found in case.results.items():
        require(
            found.shape == case.images.shape, f"{norm}: expected {tuple(case.images.shape)}, got {tuple(found.shape)}"
        )
        require(found.is_floating_point(), f"{norm}: expected floating point images, got {found.dtype}")
        require(bool(torch.isfinite(found).all()), f"{norm}: expected finite images, got NaN or infinity")
    return None


def check_finds_something(case: AttackCase) -> str | None:
    """An undefended toy network is fooled at least once within the budget: an attack that does nothing flatters."""
    import torch

    for budget in case.budgets:
        near = _projected(case.results[budget.norm] - case.images, budget)
        fooled = case.target()((case.images + near).clamp(0, 1)).argmax(1) != case.labels
        require(bool(torch.any(fooled)), f"{budget.norm}: expected a misclassified image out of {ROWS}, got none")
    return None


def check_rows_independent(case: AttackCase) -> str | None:
    """A row is attacked as it is alone: a verdict must not depend on which other images are still unbroken."""
    for budget in case.budgets:
        part, whole = case.run(budget, PART), case.results[budget.norm][list(PART)]
        worst = float((part - whole).abs().max())
        require(
            worst <= TOLERANCE,
            f"{budget.norm}: expected rows {PART} alone to come out as in the batch, got {worst:.2g} apart",
        )
    return None


def check_repeatable(case: AttackCase) -> str | None:
    """The same images and noise give the same candidates, bit for bit: resumed runs depend on it."""
    import torch

    for budget in case.budgets:
        again = case.run(budget)
        require(
            torch.equal(again, case.results[budget.norm]), f"{budget.norm}: expected the same candidates, got others"
        )
    return None


def check_inputs_not_modified(case: AttackCase) -> str | None:
    """Images and labels stay as they are: the harness compares the candidates with them."""
    import torch

    for budget in case.budgets:
        x, y = case.images, case.labels.clone()
        case.attack.perturb(case.target(), x, y, budget, Noise(KEY, range(ROWS)))
        require(
            torch.equal(x, case.images), f"{budget.norm}: expected the images to stay as they were, got them modified"
        )
        require(
            torch.equal(y, case.labels), f"{budget.norm}: expected the labels to stay as they were, got them modified"
        )
    return None


def check_global_generators(case: AttackCase) -> str | None:
    """No global generator is drawn from (or seeded): verdicts would depend on what ran before."""
    for budget in case.budgets:
        with generators_untouched(f"perturb ({budget.norm})"):
            case.run(budget)
    return None


def check_passes(case: AttackCase) -> str | None:
    """It takes no more passes than it says: the estimate of a dry run, and the cost on the board, rest on it."""
    most = case.attack.passes(case.classes)
    for budget in case.budgets:
        target = case.target()
        case.run(budget, target=target)
        counts = target.meter.counts()
        require(
            counts.forwards <= ROWS * most.forwards and counts.gradients <= ROWS * most.gradients,
            f"{budget.norm}: expected at most {most.forwards} forwards and {most.gradients} gradients an image, got "
            f"{counts.forwards / ROWS:.1f} and {counts.gradients / ROWS:.1f}",
        )
    return None


def check_declared_norms(case: AttackCase) -> str | None:
    """``check`` accepts the norms of the card and refuses others with UsageError: a suite is refused before it runs."""
    for budget in case.budgets:
        case.attack.check(budget, case.classes)
    for norm in {"linf", "l2", "l0"} - set(case.card.norms):
        try:
            case.attack.check(Budget(norm, Fraction(1, 10)), case.classes)
        except UsageError as error:
            require(
                case.card.name in str(error), f"{norm}: expected the refusal to name {case.card.name!r}, got {error}"
            )
        else:
            require(False, f"{norm}: expected check to refuse a norm that is not in the card, got no UsageError")
    return None


def _projected(move: Tensor, budget: Budget) -> Tensor:
    if budget.norm == "linf":
        return move.clamp(-budget.radius, budget.radius)
    length = move.flatten(1).norm(dim=1).clamp(min=1e-12).reshape(-1, 1, 1, 1)
    shrunk: Tensor = move * (budget.radius / length).clamp(max=1)
    return shrunk


CHECKS: tuple[Check, ...] = (
    check_candidates,
    check_finds_something,
    check_rows_independent,
    check_repeatable,
    check_inputs_not_modified,
    check_global_generators,
    check_passes,
    check_declared_norms,
)
