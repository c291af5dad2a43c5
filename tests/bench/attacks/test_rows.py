"""What every attack promises about rows: no row depends on another, nothing global moves, passes are as announced."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.attacks import apgd_ce, apgd_t, fab_t, pgd, square
from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.budget import norms, project
from trustdm.bench.registry import Registry
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget, Counts

SHORT = {
    "pgd": pgd.Pgd(steps=8),
    "pgd-eot": pgd.Pgd(steps=4, eot=2, loss="ce"),
    "apgd-ce": apgd_ce.ApgdCe(iterations=12, restarts=2),
    "apgd-ce-eot": apgd_ce.ApgdCe(iterations=5, eot=3),
    "apgd-t": apgd_t.ApgdT(iterations=12),
    "apgd-t-eot": apgd_t.ApgdT(iterations=5, targets=3, eot=2),
    "fab-t": fab_t.FabT(iterations=8),
    "square": square.Square(queries=60),
}
ATTACKS = pytest.mark.parametrize("name", SHORT)
NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
BUDGETS = {"linf": Budget("linf", Fraction(1, 20)), "l2": Budget("l2", Fraction(1, 4))}
EXAMPLES = np.arange(16) * 7 + 3


def perturb(name: str, norm: str, target: Any, x: Tensor, y: Tensor, examples: Any = EXAMPLES) -> Tensor:
    return SHORT[name].perturb(target, x, y, BUDGETS[norm], Noise(f"cell/{name}", examples))


@NORMS
@ATTACKS
def test_a_part_of_the_batch_gives_the_same_rows(stub: Any, row_wise: Any, name: str, norm: str) -> None:
    whole = perturb(name, norm, stub(row_wise, 5), row_wise.x, row_wise.y)
    for part in ([5], [11, 2, 3], list(range(15, -1, -1))):
        alone = perturb(name, norm, stub(row_wise, 5), row_wise.x[part], row_wise.y[part], EXAMPLES[part])
        assert torch.equal(alone, whole[part])


@NORMS
@ATTACKS
def test_the_test_above_sees_broken_and_unbroken_rows(stub: Any, row_wise: Any, name: str, norm: str) -> None:
    adv = project(row_wise.x, perturb(name, norm, stub(row_wise, 5), row_wise.x, row_wise.y), BUDGETS[norm])
    broken = int((row_wise(adv).argmax(1) != row_wise.y).sum())
    assert 0 < broken < 16


@NORMS
@ATTACKS
def test_rows_of_a_randomized_target_are_independent_too(stub: Any, row_wise: Any, name: str, norm: str) -> None:
    def run(part: Any) -> Tensor:
        target = stub(row_wise, 5, Noise("method", EXAMPLES[part]))
        return perturb(name, norm, target, row_wise.x[part], row_wise.y[part], EXAMPLES[part])

    whole = run(np.arange(16))
    for part in ([5], [11, 2, 3]):
        assert torch.equal(run(part), whole[part])


@ATTACKS
def test_verdicts_of_a_network_do_not_depend_on_the_batch(stub: Any, digits: Any, name: str) -> None:
    x, y, budget = digits.x[:24], digits.y[:24], Budget("linf", Fraction(1, 10))

    def verdicts(part: Any) -> Tensor:
        adv = SHORT[name].perturb(stub(digits.net, 10), x[part], y[part], budget, Noise("k", np.arange(24)[part]))
        return digits.net(project(x[part], adv, budget)).argmax(1) == y[part]

    whole = verdicts(np.arange(24))
    for part in (np.arange(0, 24, 5), np.arange(24)[::-1].copy(), np.array([7])):
        assert torch.equal(verdicts(part), whole[part])


@NORMS
@ATTACKS
def test_global_generators_and_inputs_are_left_alone(stub: Any, row_wise: Any, name: str, norm: str) -> None:
    x, y = row_wise.x.clone(), row_wise.y.clone()
    before = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    first = perturb(name, norm, stub(row_wise, 5), x, y)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert str(np.random.get_state()) == before[1]  # noqa: NPY002
    assert torch.equal(x, row_wise.x) and torch.equal(y, row_wise.y)
    assert not first.requires_grad
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        assert torch.equal(perturb(name, norm, stub(row_wise, 5), x, y), first)


@ATTACKS
def test_what_a_method_draws_from_the_global_generator_is_not_rewound(stub: Any, row_wise: Any, name: str) -> None:
    drawn: list[float] = []

    def drawing(x: Tensor) -> Tensor:
        drawn.append(float(torch.rand(())))
        return row_wise(x)  # type: ignore[no-any-return]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        perturb(name, "linf", stub(drawing, 5), row_wise.x, row_wise.y)
        drawn.append(float(torch.rand(())))
        torch.manual_seed(0)
        assert drawn == [float(torch.rand(())) for _ in drawn]


@NORMS
@ATTACKS
def test_results_are_within_the_budget_but_for_rounding(stub: Any, row_wise: Any, name: str, norm: str) -> None:
    adv = perturb(name, norm, stub(row_wise, 5), row_wise.x, row_wise.y)
    assert (norms(adv.double() - row_wise.x.double(), norm) <= BUDGETS[norm].radius + 1e-6).all()
    assert (adv >= 0).all() and (adv <= 1).all() and adv.dtype == torch.float32


@ATTACKS
def test_an_empty_batch_stays_empty(stub: Any, row_wise: Any, name: str) -> None:
    target = stub(row_wise, 5)
    assert perturb(name, "linf", target, row_wise.x[:0], row_wise.y[:0], EXAMPLES[:0]).shape == (0, 1, 8, 8)


def always_robust(x: Tensor) -> Tensor:
    """Ten classes, class 0 ahead by a margin that nothing changes."""
    return x.flatten(1)[:, :10] * 0 + torch.tensor([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0])


@NORMS
@ATTACKS
def test_passes_are_what_an_unbreakable_image_takes(stub: Any, name: str, norm: str) -> None:
    x, y = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(3, dtype=torch.long)
    target = stub(always_robust, 10, Noise("method", range(3)) if "eot" in name else None)
    target.classify = lambda x: 100 * always_robust(x)
    SHORT[name].perturb(target, x, y, BUDGETS[norm], Noise("k", range(3)))
    announced = SHORT[name].passes(10)
    if name == "square" and norm == "linf":  # proposals that change nothing, or that were refused before, are not asked
        assert 3 * 10 < target.forwards < 3 * announced.forwards and not target.gradients
        return
    assert (target.forwards, target.gradients) == (3 * announced.forwards, 3 * announced.gradients)


@NORMS
@ATTACKS
def test_passes_are_an_upper_bound(stub: Any, row_wise: Any, name: str, norm: str) -> None:
    target = stub(row_wise, 5)
    perturb(name, norm, target, row_wise.x, row_wise.y)
    announced = SHORT[name].passes(5)
    assert 0 < target.forwards <= 16 * announced.forwards and target.gradients <= 16 * announced.gradients


@pytest.mark.parametrize(
    ("attack", "classes", "expected"),
    [
        (pgd.Pgd(), 10, Counts(41, 40)),
        (pgd.Pgd(steps=10, eot=20), 10, Counts(220, 200)),
        (apgd_ce.ApgdCe(), 10, Counts(101, 100)),
        (apgd_ce.ApgdCe(restarts=5, eot=2), 10, Counts(1010, 1000)),
        (apgd_t.ApgdT(), 10, Counts(910, 900)),
        (apgd_t.ApgdT(), 4, Counts(304, 300)),
        (fab_t.FabT(), 10, Counts(1801, 900)),
        (fab_t.FabT(), 2, Counts(201, 100)),
        (square.Square(), 10, Counts(5001, 0)),
    ],
)
def test_passes_of_the_standard_version(attack: Any, classes: int, expected: Counts) -> None:
    assert attack.passes(classes) == expected


def test_names_and_defaults() -> None:
    registry = Registry()
    for module in (apgd_ce, apgd_t, fab_t, pgd, square):
        assert len(registry.add_module(module)) == 1
    assert registry.names("attack") == ["apgd-ce", "apgd-t", "fab-t", "pgd", "square"]
    made = {name: vars(registry.get("attack", name).load()()) for name in registry.names("attack")}
    assert made == {
        "apgd-ce": {"iterations": 100, "restarts": 1, "eot": 1},
        "apgd-t": {"iterations": 100, "targets": 9, "eot": 1},
        "fab-t": {"iterations": 100, "targets": 9},
        "pgd": {"steps": 40, "step_size": None, "loss": "margin", "random_start": True, "eot": 1},
        "square": {"queries": 5000},
    }


@ATTACKS
def test_other_norms_are_refused_by_name(name: str) -> None:
    with pytest.raises(UsageError, match=rf"attack {name.removesuffix('-eot')}: norm: expected linf or l2, got 'l1'"):
        SHORT[name].check(Budget("l1", Fraction(1)), 10)
    for budget in BUDGETS.values():
        SHORT[name].check(budget, 10)


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [
        (pgd.Pgd, "steps"),
        (pgd.Pgd, "eot"),
        (apgd_ce.ApgdCe, "iterations"),
        (apgd_ce.ApgdCe, "restarts"),
        (apgd_t.ApgdT, "targets"),
        (fab_t.FabT, "iterations"),
        (square.Square, "queries"),
    ],
)
def test_parameters_below_one_are_refused_by_name(kind: Any, parameter: str) -> None:
    with pytest.raises(UsageError, match=rf"attack .*: {parameter}: expected an integer of at least 1, got 0"):
        kind(**{parameter: 0})


def test_listing_needs_no_torch() -> None:
    modules = ", ".join(f"trustdm.bench.attacks.{name}" for name in ("apgd_ce", "apgd_t", "fab_t", "pgd", "square"))
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
