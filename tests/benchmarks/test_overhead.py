"""What the harness adds to a suite: a run through runner and store against the bare loop over the same attack calls."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from trustdm.bench import api
from trustdm.bench.method import Meter
from trustdm.bench.perturb.budget import project
from trustdm.bench.plan import MethodSpec, PlannedCell, protocols
from trustdm.bench.plugins import load
from trustdm.bench.rng import Noise
from trustdm.bench.runner.session import Session, one_thread
from trustdm.bench.runner.units import Settings
from trustdm.bench.store.store import Store
from trustdm.bench.suite.data import open_data
from trustdm.bench.targets.classify import Target
from trustdm.bench.tasks.robustness.protocol import Adversarial
from trustdm.bench.tasks.robustness.task import budget_of

PAIRS = 3
LIMIT = 64
METHOD = "digits-pgd-at"


def harness(path: Path) -> tuple[int, int]:
    """The suite through the runner into a new database; forwards and gradients."""
    request = api.Request(suites=("digits-linf",), methods=(METHOD,), limit=LIMIT)
    with Store.open(str(path)) as store:
        assert api.execute(request, api.prepare(request), store).exit_code == 0
        costs = [r.cost for r in store.results("digits-linf")]
    return sum(c.forwards for c in costs), sum(c.gradients for c in costs)


def bare() -> tuple[int, int]:
    """The same attack calls on the same blocks, with a list of verdicts for all book-keeping."""
    registry = load().registry
    request = api.Request(suites=("digits-linf",), methods=(METHOD,), limit=LIMIT)
    prepared = api.prepare(request, [MethodSpec(METHOD)])
    session, meter, verdicts = Session(Settings(), registry), Meter(), []
    for cell in prepared.cells:
        network, suite, budget = session.method(cell), cell.suite, budget_of(cell.suite)
        data = open_data(suite, registry)
        target = Target(network.call, network.card, meter, cell.identity.key)
        attacks = _attacks(cell, registry)
        for block in cell.blocks:
            examples = suite.test[block.start : block.stop]
            x, y = (torch.from_numpy(a) for a in data.read(examples))
            with one_thread(), torch.random.fork_rng():
                standing = _right(target, x, y)
                for name, attack in attacks:
                    index = standing.nonzero()[:, 0]
                    noise = Noise(f"{cell.identity.key}/{name}", examples).rows(index.numpy())
                    found = attack.perturb(target, x[index], y[index], budget, noise)
                    standing[index] = _right(target, project(x[index], found, budget), y[index])
            verdicts.append(standing)
    return meter.forwards, meter.gradients


def _attacks(cell: PlannedCell, registry: Any) -> list[tuple[str, Any]]:
    built = protocols(cell.suite, registry)[cell.identity.evaluation]
    return list(zip(built.names, built.attacks, strict=True)) if isinstance(built, Adversarial) else []


def _right(target: Target, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return target(x).argmax(1) == y if len(x) else torch.zeros(0, dtype=torch.bool)


@pytest.mark.benchmark(group="overhead")
def test_harness_against_the_bare_loop(benchmark: Any, tmp_path: Path) -> None:
    """Ratio of seconds in pairs run in the order ABBA; passes differ by AutoAttack's warnings alone."""
    ratios, counts = [], {}
    for pair in range(PAIRS):
        took = {}
        order = ("bare", "harness") if pair % 2 == 0 else ("harness", "bare")
        for name in order:
            start = time.perf_counter()
            counts[name] = bare() if name == "bare" else harness(tmp_path / f"{pair}.db")
            took[name] = time.perf_counter() - start
        ratios.append(took["harness"] / took["bare"])
    benchmark.pedantic(lambda: harness(tmp_path / "timed.db"), rounds=1)
    # Two adversarial evaluations, each with four forwards and one gradient of an example for the warnings.
    assert counts["harness"] == (counts["bare"][0] + 2 * 4 * LIMIT, counts["bare"][1] + 2 * LIMIT)
    benchmark.extra_info |= {
        "ratio_to_bare_loop": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "forwards": counts["harness"][0],
        "forwards_bare": counts["bare"][0],
    }
