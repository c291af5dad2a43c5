"""Accuracies of a shipped method on a suite's test images, and the second run of its recipe."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import torch

from trustdm.bench.attacks.pgd import Pgd
from trustdm.bench.capabilities.classify import CLASSIFY
from trustdm.bench.method import Meter, place
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import Registry, entries_of
from trustdm.bench.rng import Noise
from trustdm.bench.suite.data import open_data
from trustdm.bench.targets.classify import Target
from trustdm.bench.tasks.robustness.task import budget_of
from trustdm.bench.training.recipes import TrainReport, reproduce


class Accuracies(NamedTuple):
    clean: float
    pgd40: float


def _data(suite_name: str, split: str) -> tuple[Any, Any, Any]:
    suite = load_suite(suite_name)
    registry = Registry()
    registry.add_module(importlib.import_module(f"trustdm.bench.datasets.{suite.data.dataset}"))
    return suite, *open_data(suite, registry).read(getattr(suite, split))


@pytest.fixture
def measure() -> Callable[[ModuleType, str], Accuracies]:
    """Clean and PGD-40 accuracy (step eps / 10, one start) of a plugin on all test images of a suite."""

    def run(plugin: ModuleType, suite_name: str) -> Accuracies:
        suite, images, labels = _data(suite_name, "test")
        x, y = torch.from_numpy(images), torch.from_numpy(labels)
        target = Target(place(plugin.load(), plugin.CARD, "cpu", CLASSIFY), plugin.CARD, Meter())
        with torch.no_grad():
            clean = target(x).argmax(1) == y
            budget = budget_of(suite)
            attack = Pgd(steps=40, step_size=str(budget.eps / 10))
            found = attack.perturb(target, x, y, budget, Noise("test", suite.test))
            assert float((found - x).abs().max()) <= budget.radius + 1e-6
            robust = clean & (target(found).argmax(1) == y)
        return Accuracies(float(clean.float().mean()), float(robust.float().mean()))

    return run


@pytest.fixture
def retrain(tmp_path: Path) -> Callable[[ModuleType, str], TrainReport]:
    """Runs the recipe of a plugin again on the training images of a suite, into a folder of the test."""

    def run(plugin: ModuleType, suite_name: str) -> TrainReport:
        _, images, labels = _data(suite_name, "train")
        (entry,) = entries_of(plugin)
        return reproduce(entry, images, labels, tmp_path)

    return run
