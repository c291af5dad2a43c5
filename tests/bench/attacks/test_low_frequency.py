"""What the attack changes lies in low frequencies, and what it is told is checked."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from trustdm.bench.attacks.low_frequency import CARD, LowFrequency
from trustdm.bench.checks.cases import ROWS, AttackCase
from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.frequencies import low_pass
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget


def test_what_it_adds_is_of_low_frequency_where_the_box_is_far() -> None:
    attack = LowFrequency(steps=5, eot=1, kept=0.25)
    case = AttackCase(attack, CARD)
    x = 0.3 + 0.4 * case.images
    moved = attack.perturb(case.target(), x, case.labels, Budget("l2", Fraction(1, 20)), Noise("k", range(ROWS))) - x
    assert float(moved.abs().max()) > 1e-3
    assert torch.allclose(low_pass(x, 0.25)(moved), moved, atol=1e-6)


def test_all_frequencies_are_another_attack() -> None:
    case = AttackCase(LowFrequency(steps=5, eot=1, kept=1.0), CARD)
    moved = case.results["l2"] - case.images
    assert not torch.allclose(low_pass(moved, 0.25)(moved), moved, atol=1e-3)


@pytest.mark.parametrize("kept", [0.0, -0.5, 1.5])
def test_a_share_that_is_none_is_refused(kept: float) -> None:
    with pytest.raises(UsageError, match="attack low-frequency: kept: expected above 0 and at most 1"):
        LowFrequency(kept=kept)
