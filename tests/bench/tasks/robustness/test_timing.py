"""What an attack will take: a short one is run and scaled by the passes that both may take."""

from __future__ import annotations

import numpy as np
import pytest
from jobs import Made, job
from toyboard import toy

from trustdm.bench.contracts import MethodCard
from trustdm.bench.plugins import load
from trustdm.bench.tasks.robustness import timing
from trustdm.bench.tasks.robustness.protocol import Adversarial

SUITE = toy([0, 1], shape=(1, 2, 2), classes=4)
CARD = MethodCard(name="toy", input_shape=(1, 2, 2), classes=4)
DATA = Made([0, 1], np.full((2, 1, 2, 2), 0.5), [0, 1])


@pytest.fixture
def two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every action is run once and took two seconds."""

    def took(action):
        action()
        return 2.0

    monkeypatch.setattr(timing, "_seconds", took)


def test_seconds_grow_with_the_passes(two_seconds: None) -> None:
    block = job(SUITE, "attacked", lambda x: x.flatten(1), CARD, DATA)
    short = Adversarial(load().registry, attacks=[{"name": "pgd", "steps": timing.SHORT}])
    long = Adversarial(load().registry, attacks=[{"name": "pgd", "steps": 10 * timing.SHORT}])
    assert timing.attack_seconds(block, short, 0) == 2.0
    forwards = [p.attacks[0].passes(4).forwards for p in (short, long)]
    assert timing.attack_seconds(block, long, 0) == pytest.approx(2.0 * forwards[1] / forwards[0])
    assert block.meter.forwards == 2 * forwards[0] * len(DATA.images)  # both times the short one was run


def test_a_block_takes_what_its_attacks_take(two_seconds: None) -> None:
    block = job(SUITE, "attacked", lambda x: x.flatten(1), CARD, DATA)
    both = Adversarial(load().registry, attacks=[{"name": "pgd", "steps": 4}, {"name": "square", "queries": 4}])
    assert both.seconds(block) == 4.0


def test_only_counts_are_made_short() -> None:
    protocol = Adversarial(
        load().registry, attacks=[{"name": "pgd", "steps": 2, "step_size": "1/50"}, {"name": "fab-t"}]
    )
    assert protocol.shortened(0, 4).passes(10) == protocol.attacks[0].passes(10)
    assert protocol.shortened(1, 4).passes(10).forwards < protocol.attacks[1].passes(10).forwards


def test_a_second_is_measured_after_one_call_to_warm_up() -> None:
    calls: list[int] = []
    assert timing._seconds(lambda: calls.append(1)) >= 0 and calls == [1, 1]
