"""AutoAttack by the harness against pyautoattack's own loop: passes, verdicts and seconds on the same images.

The peer is given its best batch size here (all images at once), one thread, and the network as its loader gives it,
with weights that take gradients: that is what its users run. Verdicts may differ where the peer's own do between two
seeds. Passes are counted on both sides and asserted; seconds (of the processor) are recorded, never asserted.

A forward, a gradient with respect to an image and one with respect to the weights count as one forward equivalent each.
"""

from __future__ import annotations

import logging
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyautoattack import AutoAttack
from torch import Tensor

from trustdm.bench import api
from trustdm.bench.plan import MethodSpec
from trustdm.bench.runner.session import Session, exact_arithmetic, one_thread
from trustdm.bench.runner.units import Settings
from trustdm.bench.store.store import Store
from trustdm.bench.suite.data import open_data
from trustdm.bench.tasks.robustness.task import budget_of
from trustdm.bench.types import Status

SUITE = "mnist16-linf"
IMAGES = 128
"""The first five blocks: 8, 8, 16, 32, 64."""
PAIRS = 3
SEEDS = (0, 1)
ROBUST_GOAL = 1.15
"""How many times fewer forward equivalents, over all images of a robust network."""
FALLEN_GOAL = 8.0
"""How many times fewer gradients, over the images that fall of an undefended network."""
SURVIVOR = {"ours": 1901, "peer": 1910}
"""Gradients that an image takes which nothing breaks; the harness takes one more to see whether they vanish."""


@dataclass
class Side:
    """What one side did; ``standing`` (n,) are the images that it left correctly classified."""

    forwards: int
    gradients: int
    weight_gradients: int
    seconds: float
    standing: np.ndarray

    @property
    def equivalents(self) -> int:
        return self.forwards + self.gradients + self.weight_gradients


class _Tap(torch.autograd.Function):
    """The identity; its backward pass counts images."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, net: Counting) -> Tensor:
        ctx.net = net
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        ctx.net.gradients += len(gradient)
        return gradient, None


class Counting(torch.nn.Module):
    """A network that counts images forward, images differentiated, and images for which weights got a gradient."""

    def __init__(self, net: torch.nn.Module):
        super().__init__()
        self.net = net
        self.forwards = self.gradients = self.weight_gradients = self.batch = 0
        next(net.parameters()).register_post_accumulate_grad_hook(self._weights)

    def _weights(self, _: Tensor) -> None:
        self.weight_gradients += self.batch

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += len(x)
        self.batch = len(x)
        return self.net(_Tap.apply(x, self) if x.requires_grad else x)  # type: ignore[no-any-return]


def harness(method: str, path: Path) -> Side:
    """The evaluation through the runner into a new database."""
    request = api.Request(suites=(SUITE,), methods=(method,), limit=IMAGES)
    prepared = api.prepare(request)
    prepared.cells[:] = [c for c in prepared.cells if c.identity.evaluation == "autoattack"]
    with Store.open(str(path)) as store:
        assert api.execute(request, prepared, store).exit_code == 0
        (result,) = store.results(SUITE)
        records, cost = result.records, result.cost
    n = len(np.unique(records.example))
    broken = np.unique(records.example[records.status == Status.WRONG])
    order = prepared.cells[0].suite.test[:n]
    return Side(cost.forwards, cost.gradients, 0, cost.device, ~np.isin(order, broken))


def peer(method: str, n: int, seed: int) -> Side:
    """``pyautoattack.AutoAttack`` on the first ``n`` images at once."""
    request = api.Request(suites=(SUITE,), methods=(method,), limit=IMAGES)
    prepared = api.prepare(request, [MethodSpec(method)])
    cell = next(c for c in prepared.cells if c.identity.evaluation == "autoattack")
    net = Session(Settings(), prepared.catalogue.registry).method(cell).thing
    images, labels = open_data(cell.suite, prepared.catalogue.registry).read(cell.suite.test[:n])
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    counting = Counting(net.requires_grad_(True))
    logging.getLogger("auto-attack").addHandler(logging.NullHandler())
    attack = AutoAttack(counting, eps=budget_of(cell.suite).radius, norm="Linf", seed=seed, version="standard")
    with one_thread(), exact_arithmetic(), torch.random.fork_rng(devices=[]):
        began = time.process_time()
        adv, _ = attack.run_standard_evaluation(x.clone(), y.clone(), batch_size=n)
        seconds = time.process_time() - began
        with torch.no_grad():
            standing = (net(adv).argmax(1) == y).numpy()
    return Side(counting.forwards, counting.gradients, counting.weight_gradients, seconds, standing)


def differences(ours: Side, theirs: list[Side]) -> dict[str, int]:
    """How many verdicts differ from the peer's first seed, between its seeds, and where its seeds agree."""
    verdicts = np.stack([side.standing for side in theirs])
    flips = (verdicts != verdicts[0]).any(0)
    differs = ours.standing != verdicts[0]
    return {
        "verdicts_differ": int(differs.sum()),
        "peer_seed_flips": int(flips.sum()),
        "differ_where_seeds_agree": int((differs & ~flips).sum()),
        "robust_ours": int(ours.standing.sum()),
        "robust_peer": int(verdicts[0].sum()),
    }


def passes(ours: Side, theirs: Side) -> dict[str, int]:
    counted = {"forwards": "forwards", "gradients": "gradients", "weight_gradients": "weight_gradients"}
    sides = {"ours": ours, "peer": theirs}
    return {f"{name}_{which}": getattr(side, field) for which, side in sides.items() for name, field in counted.items()}


@pytest.mark.benchmark(group="autoattack")
def test_robust_network(benchmark: Any, tmp_path: Path) -> None:
    """Pairs in the order ABBA; the ratio of seconds is the median over the pairs."""
    method, ratios, taken = "mnist16-pgd-at", [], {"ours": [], "peer": []}
    for pair in range(PAIRS):
        ways = {
            "ours": lambda at=pair: harness(method, tmp_path / f"{at}.db"),
            "peer": lambda at=pair: peer(method, IMAGES, SEEDS[at % len(SEEDS)]),
        }
        for name in ("peer", "ours") if pair % 2 == 0 else ("ours", "peer"):
            taken[name].append(ways[name]())
        ratios.append(taken["ours"][-1].seconds / taken["peer"][-1].seconds)
    benchmark.pedantic(lambda: harness("mnist16-standard", tmp_path / "timed.db"), rounds=1)
    ours, theirs = taken["ours"][0], taken["peer"][0]
    verdicts = differences(ours, taken["peer"])
    fewer = theirs.equivalents / ours.equivalents
    benchmark.extra_info |= {
        **passes(ours, theirs),
        **verdicts,
        "seconds_ours": [round(side.seconds, 2) for side in taken["ours"]],
        "seconds_peer": [round(side.seconds, 2) for side in taken["peer"]],
        "ratio_of_seconds": statistics.median(ratios),
        "fewer_equivalents": fewer,
        "fewer_without_weight_gradients": (theirs.forwards + theirs.gradients) / ours.equivalents,
        "goal": ROBUST_GOAL,
    }
    assert all(side.forwards == ours.forwards and side.gradients == ours.gradients for side in taken["ours"])
    assert fewer >= ROBUST_GOAL
    assert verdicts["verdicts_differ"] <= max(2, verdicts["peer_seed_flips"])


@pytest.mark.benchmark(group="autoattack")
def test_undefended_network(benchmark: Any, tmp_path: Path) -> None:
    """Gradients; an image that nothing breaks takes as many on both sides, so they are counted apart."""
    method = "mnist16-standard"
    ours = harness(method, tmp_path / "ours.db")
    theirs = [peer(method, IMAGES, seed) for seed in SEEDS]
    benchmark.pedantic(lambda: harness(method, tmp_path / "timed.db"), rounds=1)
    fallen = {
        "ours": ours.gradients - SURVIVOR["ours"] * int(ours.standing.sum()),
        "peer": theirs[0].gradients - SURVIVOR["peer"] * int(theirs[0].standing.sum()),
    }
    verdicts = differences(ours, theirs)
    benchmark.extra_info |= {
        **passes(ours, theirs[0]),
        **verdicts,
        "seconds_ours": round(ours.seconds, 2),
        "seconds_peer": round(theirs[0].seconds, 2),
        "fewer_gradients": theirs[0].gradients / ours.gradients,
        "fewer_gradients_where_images_fall": fallen["peer"] / fallen["ours"],
        "goal": FALLEN_GOAL,
    }
    assert fallen["peer"] >= FALLEN_GOAL * fallen["ours"]
    assert verdicts["verdicts_differ"] <= max(1, verdicts["peer_seed_flips"])
