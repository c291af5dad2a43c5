"""The harness's AutoAttack against ``pyautoattack.AutoAttack`` on the same network and images.

Peer and ours draw different random numbers, so verdicts may differ where the peer's own do from seed to seed, and
hardly more often.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from jobs import Made, job
from pyautoattack import AutoAttack
from torch import Tensor
from toyboard import toy

from trustdm.bench.attacks.apgd_ce import ApgdCe
from trustdm.bench.attacks.apgd_t import ApgdT
from trustdm.bench.attacks.fab_t import FabT
from trustdm.bench.attacks.square import Square
from trustdm.bench.contracts import MethodCard
from trustdm.bench.perturb.ascent import RHO
from trustdm.bench.perturb.budget import AUTOATTACK_NORM, project
from trustdm.bench.perturb.fab import ALPHA_MAX, BETA, ETA
from trustdm.bench.perturb.square import _Square
from trustdm.bench.plugins import load
from trustdm.bench.rng import Noise
from trustdm.bench.tasks.robustness.protocol import Adversarial
from trustdm.bench.tasks.robustness.task import budget_of
from trustdm.bench.types import Budget, Status

SEEDS = range(5)


@dataclass(frozen=True)
class Size:
    """How long both sides search; the defaults are AutoAttack's standard version."""

    targets: int = 9
    fab_iterations: int = 100
    queries: int = 5000


def ours(net: Any, x: Tensor, y: Tensor, budget: Budget, size: Size) -> Tensor:
    """Which rows are still classified correctly, by the harness's own protocol."""
    attacks = [
        {"name": "apgd-ce"},
        {"name": "apgd-t", "targets": size.targets},
        {"name": "fab-t", "targets": size.targets, "iterations": size.fab_iterations},
        {"name": "square", "queries": size.queries},
    ]
    card = MethodCard(name="net", input_shape=tuple(x.shape[1:]), classes=10)
    n = len(x)
    adversary = {"norm": budget.norm, "eps": str(budget.eps), "knows": "all", "wins": "if the label changes"}
    suite = toy(range(n), adversary=adversary)
    assert budget_of(suite) == budget
    block = job(suite, "attacked", net, card, Made(range(n), x.numpy(), y.numpy()), key="cell")
    records = Adversarial(load().registry, attacks=attacks).run(block).records
    broken = np.unique(records.example[records.status == Status.WRONG])
    return torch.from_numpy(~np.isin(np.arange(n), broken))


def peers(net: Any, x: Tensor, y: Tensor, budget: Budget, size: Size, seed: int) -> Tensor:
    """The same from pyautoattack's own loop."""
    logging.getLogger("auto-attack").addHandler(logging.NullHandler())
    attack = AutoAttack(net, eps=budget.radius, norm=AUTOATTACK_NORM[budget.norm], seed=seed, version="standard")
    attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = size.targets
    attack.fab.n_iter, attack.square.n_queries = size.fab_iterations, size.queries
    with torch.random.fork_rng(devices=[]):
        adv, _ = attack.run_standard_evaluation(x.clone(), y.clone(), batch_size=len(x))
    return net(project(x, adv, budget)).argmax(1) == y  # type: ignore[no-any-return]


def check_agreement(digits: Any, n: int, budget: Budget, size: Size) -> None:
    x, y = digits.x[:n], digits.y[:n]
    mine = ours(digits.net, x, y, budget, size)
    theirs = torch.stack([peers(digits.net, x, y, budget, size, seed) for seed in SEEDS])
    flips = (theirs != theirs[0]).any(0)
    allowed = max(2, int(flips.sum()))
    differs = mine != theirs[0]
    assert 0.1 * n < mine.sum() < 0.95 * n, "the network tells nothing apart"
    assert (differs & ~flips).sum() == 0, "verdicts differ that never flip between the peer's seeds"
    assert differs.sum() <= allowed
    assert mine.sum() <= theirs.sum(1).median() + allowed


def test_agrees_with_autoattack(digits: Any) -> None:
    check_agreement(digits, 60, Budget("linf", Fraction(1, 10)), Size(targets=4, fab_iterations=50, queries=300))


def test_parameters_are_those_of_the_standard_version(stub: Any, row_wise: Any) -> None:
    """That each search does as pyautoattack's does is the matter of tests/bench/perturb."""
    peer = AutoAttack(row_wise, eps=0.1, norm="L2", seed=0, version="standard")
    search = _Square(stub(row_wise, 5), row_wise.x, Budget("l2", Fraction(1, 10)), Noise("k", range(16)), 5000)
    for name in ("norm", "eps", "loss", "n_queries", "p_init", "rescale_schedule"):
        assert getattr(search, name) == getattr(peer.square, name), name
    assert peer.apgd.thr_decr == peer.apgd_targeted.thr_decr == RHO
    assert (peer.fab.alpha_max, peer.fab.eta, peer.fab.beta) == (ALPHA_MAX, ETA, BETA)
    assert Square().queries == peer.square.n_queries
    assert ApgdCe().restarts == peer.apgd.n_restarts == peer.apgd_targeted.n_restarts == peer.fab.n_restarts == 1
    assert ApgdT().targets == peer.apgd_targeted.n_target_classes
    assert FabT().targets == peer.fab.n_target_classes
    assert {ApgdCe().iterations, ApgdT().iterations, FabT().iterations} == {peer.apgd.n_iter, peer.fab.n_iter}


@pytest.mark.slow
@pytest.mark.parametrize(
    "budget", [Budget("linf", Fraction(1, 10)), Budget("l2", Fraction(1, 2))], ids=lambda b: b.norm
)
def test_agrees_with_autoattack_at_full_size(digits: Any, budget: Budget) -> None:
    check_agreement(digits, 200, budget, Size())
