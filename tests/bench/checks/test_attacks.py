"""Each check of an attack catches a mutant of a sound one, and only the checks named beside it do."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.checks import attacks
from trustdm.bench.checks.cases import AttackCase
from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import AttackCard
from trustdm.bench.errors import UsageError
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget, Counts

CARD = AttackCard(name="toy", norms=("linf", "l2"))
LINF = AttackCard(name="toy", norms=("linf",))
STEPS = 10


class Sound:
    """Gradient ascent on the margin, in both norms; a mutant overrides one thing."""

    norms: tuple[str, ...] = ("linf", "l2")

    def check(self, budget: Budget, classes: int) -> None:
        if budget.norm not in self.norms:
            raise UsageError(f"attack toy: norm: expected {', '.join(self.norms)}, got {budget.norm}")

    def passes(self, classes: int) -> Counts:
        return Counts(STEPS, STEPS)

    def perturb(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        start = 2 * torch.from_numpy(noise.uniform("start", tuple(x.shape[1:]))) - 1
        adv = (x + 0.1 * budget.radius * start).clamp(0, 1)
        for _ in range(STEPS):
            adv = adv.detach().requires_grad_()
            logits = target(adv)
            own = torch.nn.functional.one_hot(y, logits.shape[1]).bool()
            margin = logits.masked_fill(own, -torch.inf).amax(1) - logits[own]
            (gradient,) = torch.autograd.grad(margin.sum(), adv)
            adv = (adv + 0.25 * budget.radius * self.direction(gradient, budget.norm)).clamp(0, 1)
        return adv.detach()

    def direction(self, gradient: Tensor, norm: str) -> Tensor:
        if norm == "linf":
            return gradient.sign()
        return gradient / gradient.flatten(1).norm(dim=1).clamp(min=1e-12).reshape(-1, 1, 1, 1)


class NotFinite(Sound):
    def perturb(self, *args: Any) -> Tensor:
        return super().perturb(*args) * torch.nan


class WrongShape(Sound):
    def perturb(self, *args: Any) -> Tensor:
        return super().perturb(*args).flatten(1)


class EightBit(Sound):
    def perturb(self, *args: Any) -> Tensor:
        return (255 * super().perturb(*args)).to(torch.uint8)


class Raises(Sound):
    def perturb(self, *args: Any) -> Tensor:
        raise ZeroDivisionError("boom\nand more")


class DoesNothing(Sound):
    def perturb(self, target: Any, x: Tensor, *args: Any) -> Tensor:
        return x.clone()


class WalksTheWrongWay(Sound):
    def direction(self, gradient: Tensor, norm: str) -> Tensor:
        return -super().direction(gradient, norm)


class FarOnly(Sound):
    """Fooled only far outside the budget: nothing is left after projection."""

    def perturb(self, target: Any, x: Tensor, *args: Any) -> Tensor:
        return x - 100 * (super().perturb(target, x, *args) - x)


class NormalisesOverTheBatch(Sound):
    def direction(self, gradient: Tensor, norm: str) -> Tensor:
        return gradient / gradient.abs().amax()


class NoiseByPlace(Sound):
    def perturb(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        return super().perturb(target, x, y, budget, Noise("own", range(len(x))))


class OwnClock(Sound):
    """Draws from a generator of its own, which nobody seeds; too little for any other check to see."""

    def __init__(self) -> None:
        self.own = np.random.default_rng()

    def perturb(self, *args: Any) -> Tensor:
        return super().perturb(*args) + 1e-6 * float(self.own.random())


class ModifiesImages(Sound):
    def perturb(self, target: Any, x: Tensor, *args: Any) -> Tensor:
        found = super().perturb(target, x, *args)
        x.copy_(found)
        return found


class ModifiesLabels(Sound):
    def perturb(self, target: Any, x: Tensor, y: Tensor, *args: Any) -> Tensor:
        found = super().perturb(target, x, y, *args)
        y.fill_(0)
        return found


class DrawsTorch(Sound):
    def perturb(self, *args: Any) -> Tensor:
        torch.rand(1)
        return super().perturb(*args)


class DrawsOthers(Sound):
    def perturb(self, *args: Any) -> Tensor:
        np.random.rand()  # noqa: NPY002
        random.random()
        return super().perturb(*args)


class SeedsGlobally(Sound):
    def perturb(self, *args: Any) -> Tensor:
        torch.manual_seed(0)
        return super().perturb(*args)


class LooksOnceMore(Sound):
    def perturb(self, target: Any, *args: Any) -> Tensor:
        found = super().perturb(target, *args)
        target(found)
        return found


class SaysTooLittle(Sound):
    def passes(self, classes: int) -> Counts:
        return Counts(STEPS, STEPS - 1)


class AcceptsEveryNorm(Sound):
    def check(self, budget: Budget, classes: int) -> None:
        return None


class RefusesItsOwnNorm(Sound):
    norms = ("linf",)


class RefusesWithoutItsName(Sound):
    def check(self, budget: Budget, classes: int) -> None:
        if budget.norm not in self.norms:
            raise UsageError("no")


MUTANTS: list[tuple[type[Sound], set[str]]] = [
    (NotFinite, {"check_candidates"}),
    (WrongShape, {"check_candidates"}),
    (EightBit, {"check_candidates"}),
    (Raises, {"check_candidates"}),
    (DoesNothing, {"check_finds_something"}),
    (WalksTheWrongWay, {"check_finds_something"}),
    (FarOnly, {"check_finds_something"}),
    (NormalisesOverTheBatch, {"check_rows_independent"}),
    (NoiseByPlace, {"check_rows_independent"}),
    (OwnClock, {"check_repeatable"}),
    (ModifiesImages, {"check_inputs_not_modified"}),
    (ModifiesLabels, {"check_inputs_not_modified"}),
    (DrawsTorch, {"check_global_generators"}),
    (DrawsOthers, {"check_global_generators"}),
    (SeedsGlobally, {"check_global_generators"}),
    (LooksOnceMore, {"check_passes"}),
    (SaysTooLittle, {"check_passes"}),
    (AcceptsEveryNorm, {"check_declared_norms"}),
    (RefusesItsOwnNorm, {"check_declared_norms"}),
    (RefusesWithoutItsName, {"check_declared_norms"}),
]


def failing(attack: type[Sound], card: AttackCard = CARD) -> dict[str, str]:
    return {r.name: r.message for r in run_checks("attack", attack, card) if not r.ok}


@pytest.mark.parametrize("card", [CARD, LINF])
def test_a_sound_attack_passes_every_check(card: AttackCard) -> None:
    class Declared(Sound):
        norms = tuple(card.norms)

    assert failing(Declared, card) == {}


@pytest.mark.parametrize(("attack", "expected"), MUTANTS, ids=lambda v: getattr(v, "__name__", None))
def test_a_mutant_is_caught_by_the_checks_made_for_it(attack: type[Sound], expected: set[str]) -> None:
    caught = failing(attack)
    assert set(caught) == expected
    assert all(message and "\n" not in message for message in caught.values())


def test_every_check_has_a_mutant_that_it_alone_catches() -> None:
    alone = {next(iter(expected)) for _, expected in MUTANTS if len(expected) == 1}
    assert alone == {check.__name__ for check in attacks.CHECKS}


def test_every_check_says_what_it_protects() -> None:
    assert all(check.__doc__ and ":" in check.__doc__ for check in attacks.CHECKS)


def test_the_toy_leaves_some_rows_unbroken_so_that_both_ends_are_probed() -> None:
    case = AttackCase(Sound(), CARD)
    for budget in case.budgets:
        move = attacks._projected(case.results[budget.norm] - case.images, budget)
        fooled = case.target()(case.images + move).argmax(1) != case.labels
        assert 0 < int(fooled.sum()) < len(fooled)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_moves_are_measured_inside_the_budget(norm: str) -> None:
    move = torch.randn(4, 1, 8, 8)
    near = attacks._projected(move, AttackCase(Sound(), AttackCard(name="toy", norms=(norm,))).budgets[0])  # type: ignore[arg-type]
    radius, sizes = (0.05, near.abs().flatten(1).amax(1)) if norm == "linf" else (0.25, near.flatten(1).norm(dim=1))
    torch.testing.assert_close(sizes, torch.full((4,), radius))
