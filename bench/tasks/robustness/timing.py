"""How long an attack takes on a block: a shortened one is timed and scaled by the passes that both may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import torch

from trustdm.bench.method import cuda_in_use
from trustdm.bench.rng import Noise
from trustdm.bench.targets.randomized import RandomizedTarget
from trustdm.bench.tasks.robustness.context import context_of

if TYPE_CHECKING:
    from trustdm.bench.contracts import Attack
    from trustdm.bench.runner.job import Job
    from trustdm.bench.tasks.robustness.tables import Run

SHORT = 4
"""The counts (steps, queries, targets) at which an attack is timed."""
FEWEST = 1
"""The same for attacks that take many draws at each step."""
BESIDE = 7 / 6
"""What verdicts under every draw, the gate and the signs take beside the attacks: measured on the shipped suites."""


class Timed(Protocol):
    """What of a protocol is timed: its attacks, each also made short."""

    attacks: list[Attack]

    def shortened(self, at: int, most: int) -> Attack:
        """Attack number ``at`` with every count at most ``most``."""
        ...


class TimedRuns(Timed, Protocol):
    """The same where an attack is begun several times."""

    def runs(self) -> Iterator[Run]:
        """Every run of every attack."""
        ...


def attack_seconds(job: Job, protocol: Timed, at: int) -> float:
    """Seconds of attack number ``at`` on the block of ``job``."""
    context = context_of(job)
    short, noise = protocol.shortened(at, SHORT), Noise("estimate", range(len(context.x)))
    target = context.target.keyed("estimate")
    took = _seconds(lambda: short.perturb(target, context.x.clone(), context.y, context.budget, noise))
    classes = job.card.classes
    return took * protocol.attacks[at].passes(classes).forwards / max(short.passes(classes).forwards, 1)


def adaptive_seconds(job: Job, protocol: TimedRuns) -> float:
    """Seconds of all attacks on a randomized method on the block of ``job``, and of what is judged beside them."""
    context = context_of(job)
    noise = Noise("estimate", context.examples)
    whole = RandomizedTarget(context.target.keyed("estimate"), job.method.thing, context.examples, context.batch_size)
    total, runs = 0.0, list(protocol.runs())
    for at, attack in enumerate(protocol.attacks):
        own = [run for run in runs if run.attack is attack]
        if own[0].access == "stages" and not whole.stages:
            continue
        target = whole.knowing(noise) if own[0].access == "noise" else whole
        short = protocol.shortened(at, FEWEST)
        took = _seconds(lambda a=short, t=target: a.perturb(t, context.x.clone(), context.y, context.budget, noise))  # type: ignore[misc]
        times = len(own) * (context.draws if own[0].access == "noise" else 1)
        ratio = attack.passes(job.card.classes).forwards / max(short.passes(job.card.classes).forwards, 1)
        total += took * times * ratio
    return total * BESIDE


def _seconds(action: Callable[[], object]) -> float:
    """Seconds of one call, after one to warm up."""
    action()
    _synchronize()
    start = time.perf_counter()
    action()
    _synchronize()
    return time.perf_counter() - start


def _synchronize() -> None:
    if cuda_in_use():
        torch.cuda.synchronize()
