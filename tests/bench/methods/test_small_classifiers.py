"""The four shipped classifiers reach their bars, and so do their recipes."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from trustdm.bench.methods import digits_pgd_at, digits_standard, mnist16_pgd_at, mnist16_standard
from trustdm.bench.training.recipes import TrainReport

# Least clean accuracy, least and greatest accuracy under PGD-40 at the suite's budget, on the whole test list.
CASES = [
    pytest.param(digits_standard, "digits-linf", (0.94, 0.0, 0.70), id="digits-standard"),
    pytest.param(digits_pgd_at, "digits-linf", (0.95, 0.78, 1.0), id="digits-pgd-at"),
    pytest.param(mnist16_standard, "mnist16-linf", (0.94, 0.0, 0.10), id="mnist16-standard"),
    pytest.param(mnist16_pgd_at, "mnist16-linf", (0.94, 0.66, 1.0), id="mnist16-pgd-at"),
]
Measure = Callable[[ModuleType, str], Any]


@pytest.mark.parametrize(("plugin", "suite", "bars"), CASES)
def test_the_shipped_checkpoint_reaches_its_bars(
    plugin: ModuleType, suite: str, bars: tuple[float, float, float], measure: Measure
) -> None:
    clean, pgd40 = measure(plugin, suite)
    assert clean >= bars[0] and bars[1] <= pgd40 <= bars[2]


@pytest.mark.slow
@pytest.mark.parametrize(("plugin", "suite", "bars"), CASES)
def test_the_recipe_gives_a_method_that_reaches_them_too(
    plugin: ModuleType,
    suite: str,
    bars: tuple[float, float, float],
    retrain: Callable[[ModuleType, str], TrainReport],
    measure: Measure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = retrain(plugin, suite)
    (made,) = report.files
    weights = plugin.CARD.weights[0].model_copy(update={"file": made.path.name, "sha256": made.sha256})
    monkeypatch.setattr(plugin, "CARD", plugin.CARD.model_copy(update={"weights": (weights,)}))
    monkeypatch.setenv("TRUSTDM_WEIGHTS", str(made.path.parent))
    clean, pgd40 = measure(plugin, suite)
    assert clean >= bars[0] and bars[1] <= pgd40 <= bars[2]
