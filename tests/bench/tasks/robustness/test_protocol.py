"""The harness has the last word: it projects, judges, and keeps examples apart."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from jobs import Made, job
from torch import Tensor
from toyboard import toy

from trustdm.bench.contracts import AttackCard, MethodCard, attack
from trustdm.bench.errors import ContractError
from trustdm.bench.registry import Registry
from trustdm.bench.rng import Noise
from trustdm.bench.tasks.protocol import BlockResult
from trustdm.bench.tasks.robustness.protocol import Adversarial
from trustdm.bench.types import Budget, Counts, Status

EPS = 0.1
SEEN: list[list[int]] = []


class Base:
    """An attack that does nothing; the others change one thing."""

    def check(self, budget: Budget, classes: int) -> None: ...

    def passes(self, classes: int) -> Counts:
        return Counts(1, 0)

    def perturb(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        SEEN.append(noise.examples.tolist())
        return x


@attack(AttackCard(name="nothing"))
class Nothing(Base): ...


@attack(AttackCard(name="leap"))
class Leap(Base):
    def perturb(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        super().perturb(target, x, y, budget, noise)
        return x - 5.0


@attack(AttackCard(name="nan"))
class Nan(Base):
    def perturb(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        return x * float("nan")


@attack(AttackCard(name="spoil"))
class Spoil(Base):
    def perturb(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        x.zero_()
        y.zero_()
        return torch.ones_like(x)


def registry() -> Registry:
    made = Registry()
    made.add_module(sys.modules[__name__])
    return made


def threshold(x: Tensor) -> Tensor:
    """Class 1 where the pixel is above one half: an image is broken exactly when it is within eps of that."""
    return torch.stack([torch.full((len(x),), 0.5), x.flatten(1)[:, 0]], dim=1)


def run(names: list[str], values: list[float], classify: Callable[..., Tensor] = threshold, **how: Any) -> BlockResult:
    SEEN.clear()
    card = MethodCard(name="toy", input_shape=(1, 1, 1), classes=2, randomness=how.pop("randomness", "none"))
    suite = toy(range(100, 100 + len(values)), shape=(1, 1, 1), classes=2)
    data = Made(suite.test, np.reshape(values, (-1, 1, 1, 1)), np.ones(len(values)))
    block = job(suite, "attacked", classify, card, data, **{"batch_size": 2, **how})
    return Adversarial(registry(), attacks=[{"name": n} for n in names]).run(block)


def statuses(result: BlockResult, probe: str, draw: int = 0) -> list[int]:
    rows = result.records.where((result.records.probe == probe) & (result.records.draw == draw)).sorted()
    return [int(s) for s in rows.status]


VALUES = [0.3, 0.55, 0.9, 0.58, 0.7]


def test_an_attack_that_leaves_the_budget_is_brought_back() -> None:
    result = run(["leap"], VALUES)
    assert statuses(result, "clean") == [Status.WRONG, *[Status.CORRECT] * 4]
    assert statuses(result, "leap") == [Status.NOT_RUN, Status.WRONG, Status.CORRECT, Status.WRONG, Status.CORRECT]
    norm = result.records.norm[(result.records.probe == "leap") & (result.records.status != Status.NOT_RUN)]
    np.testing.assert_allclose(norm, EPS, atol=1e-6)
    assert result.diagnostics["projected_rows"] == 4


def test_later_attacks_see_only_what_stands_and_by_its_own_number() -> None:
    result = run(["leap", "nothing"], VALUES)
    assert SEEN == [[101, 102], [103, 104], [102, 104]]
    assert statuses(result, "nothing") == [
        Status.NOT_RUN,
        Status.NOT_RUN,
        Status.CORRECT,
        Status.NOT_RUN,
        Status.CORRECT,
    ]


def test_nothing_left_to_attack_is_fine() -> None:
    result = run(["leap", "nothing"], [0.1, 0.2])
    assert SEEN == [] and statuses(result, "leap") == [Status.NOT_RUN] * 2


def test_an_attack_that_returns_nan_breaks_its_contract() -> None:
    with pytest.raises(ContractError, match="NaN"):
        run(["nan"], VALUES)


def test_an_attack_cannot_change_images_or_labels() -> None:
    result = run(["spoil", "leap"], VALUES)
    assert statuses(result, "leap") == statuses(run(["leap"], VALUES), "leap")


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_do_not_matter(batch_size: int) -> None:
    assert run(["leap", "nothing"], VALUES, batch_size=batch_size).records.equals(
        run(["leap", "nothing"], VALUES, batch_size=3).records
    )


def test_a_randomized_method_is_attacked_to_the_end_and_judged_on_every_draw() -> None:
    def noisy(x: Tensor, noise: Any) -> Tensor:
        return threshold(x + 0.2 * (noise.uniform("n", tuple(x.shape[1:])) - 0.5))

    result = run(["leap", "nothing"], VALUES, noisy, randomness="keyed", draws=20)
    r = result.records
    assert len(r) == 3 * 20 * len(VALUES)
    share = [np.mean(r.status[(r.probe == "leap") & (r.example == 100 + i)] == Status.CORRECT) for i in range(5)]
    assert share[2] == 1.0 and 0 < share[4] <= 1.0 and 0 < share[3] < 0.9
    assert {102, 103, 104} <= {e for examples in SEEN[-3:] for e in examples}


def test_undeclared_randomness_is_refused_before_anything_is_attacked() -> None:
    with pytest.raises(ContractError, match="it draws random numbers without saying so"):
        run(["leap"], VALUES, lambda x: threshold(x + 0.2 * torch.rand_like(x)))
    assert SEEN == []


def test_the_first_images_are_kept_to_look_at() -> None:
    result = run(["leap"], VALUES)
    kept = result.artefacts
    assert kept["x"].shape == kept["x_adv"].shape == (5, 1, 1, 1)
    assert kept["gallery_examples"].tolist() == [100, 101, 102, 103, 104]
    assert kept["gallery_predictions"].tolist() == [0, 0, 1, 0, 1]
