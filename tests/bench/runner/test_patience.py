"""How long a block may take: what is asked for, what is known of its cell, what is left of the run's hours."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from trustdm.bench.runner.flight import Past
from trustdm.bench.runner.patience import CHECKS, LATE_LEAST, LEAST, Patience
from trustdm.bench.types import Block

UNIT: Any = SimpleNamespace(block=Block(0, 32), checks=False)
CHECKED: Any = SimpleNamespace(block=Block(0, 32), checks=True)
OVER = time.monotonic() - 1


@pytest.mark.parametrize(
    ("patience", "seconds", "last", "begun", "expected"),
    [
        (Patience(), 1e9, None, True, ""),
        (Patience(3.0), 2.9, None, True, ""),
        (Patience(3.0), 3.1, None, False, "--block-minutes allows 0.05 minutes"),
        (Patience(7200.0, OVER), 3600.0, Past(32, 1.0), True, ""),
        (Patience(), LEAST + 1, Past(8, 1.0), True, "one like it took 0.067 minutes"),
        (Patience(), LEAST + 1, Past(8, 1.0), False, ""),
        (Patience(), LEAST + 1, Past(8, 100.0), True, ""),
        (Patience(None, OVER), LATE_LEAST - 1, None, True, ""),
        (Patience(None, OVER), LATE_LEAST + 1, None, False, "--max-hours are over"),
        (Patience(None, OVER), LATE_LEAST + 1, Past(32, 1000.0), True, ""),
        (Patience(None, time.monotonic() + 1e6), LATE_LEAST + 1, None, True, ""),
    ],
)
def test_a_block_is_given_up(patience: Patience, seconds: float, last: Past | None, begun: bool, expected: str) -> None:
    why = patience.overdue(UNIT, seconds, last, begun=begun)
    assert why.startswith(expected) and bool(why) == bool(expected)


@pytest.mark.parametrize(
    ("patience", "seconds", "expected"),
    [
        (Patience(), CHECKS - 1, ""),
        (Patience(), CHECKS + 1, "they take more than 10 minutes"),
        (Patience(7200.0), CHECKS + 1, ""),
        (Patience(3.0), 3.1, "--block-minutes allows 0.05 minutes"),
    ],
)
def test_checks_are_given_up_though_nothing_is_known_of_them(patience: Patience, seconds: float, expected: str) -> None:
    why = patience.overdue(CHECKED, seconds, None, begun=False)
    assert why.startswith(expected) and bool(why) == bool(expected)
