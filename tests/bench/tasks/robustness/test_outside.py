"""An attack from outside as an evaluation of a suite."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import TINY

from trustdm.bench.contracts import AttackCard
from trustdm.bench.errors import UsageError
from trustdm.bench.plugins import load_suite
from trustdm.bench.tasks.robustness import outside

CARD = AttackCard(name="mine", authors=("A",))


def test_it_runs_under_the_protocol_that_ranks() -> None:
    found = outside.further(load_suite(TINY), "called", CARD, {"steps": 2}, CARD.authors)
    assert found.name == "+called" and found.evaluation.protocol == "adversarial" and found.by == ("A",)
    assert found.evaluation.params == {"attacks": [{"name": "mine", "steps": 2}]}
    assert outside.further(load_suite("digits-purification"), "x", CARD, {}, ()).evaluation.protocol == "adaptive"


@pytest.mark.parametrize(
    ("suite", "label", "card", "params", "expected"),
    [
        ("mnist16-generation", "x", CARD, {}, "expected a suite that ranks by what all attacks leave"),
        ("digits-purification", "x", AttackCard(name="n", access="noise"), {}, "within the threat model"),
        ("digits-linf", "a/b", CARD, {}, "--name"),
        ("digits-linf", "x", CARD, {"ranks": False}, "expected parameters of the attack, got ranks"),
    ],
)
def test_what_cannot_lower_a_number_is_refused(
    suite: str, label: str, card: AttackCard, params: dict[str, Any], expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        outside.further(load_suite(suite), label, card, params, ())
