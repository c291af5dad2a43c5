from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from trustdm.bench.methods import digits_pgd_at as plugin
from trustdm.bench.training.recipes import TrainReport

SUITE = "digits-linf"


def test_the_shipped_checkpoint_reaches_its_bars(measure: Callable[[ModuleType, str], Any]) -> None:
    clean, pgd40 = measure(plugin, SUITE)
    assert clean >= 0.95
    assert pgd40 >= 0.78


@pytest.mark.slow
def test_the_recipe_gives_a_method_that_reaches_them_too(
    retrain: Callable[[ModuleType, str], TrainReport],
    measure: Callable[[ModuleType, str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = retrain(plugin, SUITE)
    weights = plugin.CARD.weights[0].model_copy(update={"file": report.path.name, "sha256": report.sha256})
    monkeypatch.setattr(plugin, "CARD", plugin.CARD.model_copy(update={"weights": (weights,)}))
    monkeypatch.setenv("TRUSTDM_WEIGHTS", str(report.path.parent))
    clean, pgd40 = measure(plugin, SUITE)
    assert clean >= 0.95
    assert pgd40 >= 0.78
