"""Parameters of the attacks on an expected loss: what is refused, what is counted, what a search is told."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from trustdm.bench.attacks.apgd_eot import ApgdEot
from trustdm.bench.attacks.bpda_eot import BpdaEot
from trustdm.bench.attacks.fixed_noise import FixedNoise
from trustdm.bench.attacks.low_frequency import LowFrequency
from trustdm.bench.attacks.pgd_eot import PgdEot
from trustdm.bench.attacks.square_eot import SquareEot
from trustdm.bench.attacks.transfer import Transfer
from trustdm.bench.errors import UsageError
from trustdm.bench.types import Budget, Counts

LINF = Budget("linf", Fraction(1, 10))
CLIMBING: list[Any] = [PgdEot, ApgdEot, BpdaEot, LowFrequency, FixedNoise, Transfer]
ATTACKS = pytest.mark.parametrize("kind", CLIMBING, ids=lambda k: k.CARD.name)


@ATTACKS
def test_other_norms_are_refused_by_name(kind: Any) -> None:
    with pytest.raises(UsageError, match=f"^attack {kind.CARD.name}: norm: expected linf or l2, got 'l1'$"):
        kind().check(Budget("l1", Fraction(1)), 10)
    for norm in ("linf", "l2"):
        kind().check(Budget(norm, Fraction(1, 10)), 10)


@ATTACKS
def test_other_losses_are_refused_by_name(kind: Any) -> None:
    with pytest.raises(UsageError, match=f"^attack {kind.CARD.name}: loss: expected 'margin', 'ce' or 'dlr', got 'x'$"):
        kind(loss="x")
    with pytest.raises(UsageError, match="loss: expected margin or ce below 3 classes, got 'dlr'"):
        kind(loss="dlr").check(LINF, 2)
    kind(loss="dlr").check(LINF, 3)
    kind(loss="ce").check(LINF, 2)


@ATTACKS
def test_counts_below_one_are_refused_by_name(kind: Any) -> None:
    with pytest.raises(
        UsageError, match=rf"^attack {kind.CARD.name}: steps: expected an integer of at least 1, got 0$"
    ):
        kind(steps=0)
    if kind not in (FixedNoise, Transfer):
        with pytest.raises(UsageError, match=r"eot: expected an integer of at least 1, got -3$"):
            kind(eot=-3)


@pytest.mark.parametrize("text", ["0", "-1/5", "1/0", "much", "nan"])
def test_step_sizes_are_positive_fractions(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        PgdEot(step_size=text)
    assert str(caught.value) == f"attack pgd-eot: step_size: expected a positive fraction like '3/200', got {text!r}"


@pytest.mark.parametrize("kept", [0, -0.5, 1.01, float("nan")])
def test_a_share_of_frequencies_is_above_nothing_and_at_most_all(kept: float) -> None:
    with pytest.raises(UsageError, match=r"^attack low-frequency: kept: expected above 0 and at most 1, got"):
        LowFrequency(kept=kept)


def test_a_step_is_what_was_said_or_follows_from_the_budget() -> None:
    assert PgdEot(step_size="3/200").settings(LINF).step == 0.015
    assert PgdEot(steps=20).settings(LINF).step == pytest.approx(2.5 * 0.1 / 20)
    settings = LowFrequency(steps=7, eot=3, loss="ce", random_start=False).settings(LINF)
    assert (settings.steps, settings.draws, settings.loss, settings.random_start) == (7, 3, "ce", False)


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (PgdEot(), Counts(210, 200)),
        (PgdEot(steps=200, eot=20), Counts(4020, 4000)),
        (BpdaEot(steps=5, eot=2), Counts(12, 10)),
        (LowFrequency(steps=5, eot=2), Counts(12, 10)),
        (ApgdEot(), Counts(210, 210)),
        (FixedNoise(), Counts(41, 40)),
        (Transfer(), Counts(41, 40)),
        (SquareEot(), Counts(2010, 0)),
    ],
    ids=lambda v: getattr(getattr(v, "CARD", None), "name", None),
)
def test_passes_of_the_defaults(attack: Any, expected: Counts) -> None:
    assert attack.passes(10) == expected
