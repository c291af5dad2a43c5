from __future__ import annotations

import re

import pytest

from trustdm.bench.errors import UsageError
from trustdm.bench.plugins import load
from trustdm.bench.construct import construct
from trustdm.bench.tasks.protocol import build


class Thing:
    def __init__(self, first: object, *, steps: int = 3, size: float = 0.5, fast: bool = False, loss: str = "ce"):
        self.first, self.steps, self.size, self.fast, self.loss = first, steps, size, fast, loss
        if steps < 1:
            raise ValueError(f"steps: expected at least 1, got {steps}")


def needs(weight: float) -> float:
    return weight


def test_parameters_reach_the_constructor() -> None:
    thing = construct(Thing, {"steps": 5, "size": 1}, "here", "first")
    assert (thing.first, thing.steps, thing.size) == ("first", 5, 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"stepz": 1}, "here.stepz: expected one of steps, size, fast, loss, got 'stepz'"),
        ({"steps": "many"}, "here.steps: expected int, got 'many'"),
        ({"steps": 2.5}, "here.steps: expected int, got 2.5"),
        ({"steps": True}, "here.steps: expected int, got True"),
        ({"fast": 1}, "here.fast: expected bool, got 1"),
        ({"loss": 3}, "here.loss: expected str, got 3"),
        ({"steps": 0}, "here: steps: expected at least 1, got 0"),
    ],
)
def test_wrong_parameters_are_one_line(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        construct(Thing, params, "here", None)


def test_a_parameter_without_default_is_required() -> None:
    with pytest.raises(UsageError, match=r"here\.weight: expected a value, got none"):
        construct(needs, {}, "here")


ENSEMBLES = [
    ({}, "evaluations.x.attacks: expected a value, got none"),
    ({"attacks": []}, "attacks: expected a list of tables, each with a name"),
    ({"attacks": [{"steps": 3}]}, "attacks: expected a list of tables, each with a name"),
    ({"attacks": [{"name": "pdg"}]}, "unknown attack 'pdg'; did you mean 'pgd'"),
    ({"attacks": [{"name": "pgd"}, {"name": "pgd"}]}, "expected each attack once, got pgd, pgd"),
    ({"attacks": [{"name": "pgd", "step": 3}]}, "attacks.pgd.step: expected one of"),
]


@pytest.mark.parametrize(("params", "message"), ENSEMBLES)
def test_a_wrong_ensemble_is_named(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        build(load().registry, "adversarial", params, "evaluations.x")
