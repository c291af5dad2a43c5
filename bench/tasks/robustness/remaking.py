"""Attacked images again: those of a stored block, made from its identity, with the verdicts that say that they are it.

Every random number belongs to the key of the cell, so that the same search finds the same images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.tasks.robustness import adapted
from trustdm.bench.tasks.robustness.adaptive import Adaptive
from trustdm.bench.tasks.robustness.protocol import Adversarial
from trustdm.bench.tasks.robustness.tables import Run, attack_label, attack_tables, probe_names, probes_of

if TYPE_CHECKING:
    from trustdm.bench.runner.job import Job
    from trustdm.bench.summary.cell import CellView

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Remade:
    """The images of one block (n, C, H, W) float32 in [0, 1], of ``examples`` with ``labels``; ``records`` of them."""

    images: NDArray[np.float32]
    examples: Ids
    labels: Ids
    records: Records


def chosen(view: CellView, asked: str) -> str:
    """The probe whose images are meant by the label of an attack or the name of a probe.

    Without either: of a randomized defence's evaluation the probe that left least, else the last one, whose images are
    those by which each example fell.

    Raises:
        UsageError: the evaluation has no such attack.
    """
    tables = attack_tables(view.params)
    every = [probe for table in tables for names in probe_names(table) for probe in names.values()]
    meant = probes_of(tables, asked) or [probe for probe in every if probe == asked]
    if not meant:
        labels = ", ".join(attack_label(table) for table in tables) or "none: it looks at clean images"
        raise UsageError(f"--attack: expected an attack of {view.result.identity.evaluation}, {labels}, got {asked!r}")
    if not adapted.adaptive(view):
        return meant[-1]
    left = {probe: adapted.at_probe(view, probe)["mean"] for probe in meant}
    known = {probe: estimate.value for probe, estimate in left.items() if estimate is not None}
    return min(known, key=lambda probe: known[probe]) if known else meant[0]


def remade(job: Job, protocol: Adversarial, probe: str) -> Remade:
    """The images of the block of ``job`` at a probe.

    Raises:
        UsageError: the attack makes another image for each draw.
        ContractError: the method broke its contract.
    """
    state: Any = _adaptive(job, protocol, probe) if isinstance(protocol, Adaptive) else _in_turn(job, protocol, probe)
    context = state.context
    return Remade(state.shown.cpu().numpy(), context.examples, context.y.cpu().numpy(), Records.concat(state.parts))


def _in_turn(job: Job, protocol: Adversarial, probe: str) -> Any:
    from trustdm.bench.tasks.robustness import judging
    from trustdm.bench.tasks.robustness.context import context_of
    from trustdm.bench.tasks.robustness.protocol import State

    context = context_of(job)
    logits = [judging.logits(context, context.x, draw) for draw in range(context.draws)]
    state = State(context, judging.records(context, "clean", logits))
    for name, attack in zip(protocol.names, protocol.attacks, strict=True):
        state.attack(name, attack)
        if name == probe:
            break
    return state


def _adaptive(job: Job, protocol: Adaptive, probe: str) -> Any:
    from trustdm.bench.tasks.robustness.adapting import Adapting

    run, end = _run_of(protocol, probe)
    if run.access == "noise":
        raise UsageError(f"--attack {probe}: expected one image for each example, got one for each draw of each")
    state = Adapting(job)
    candidates = state.candidates(run)[end]
    state.judge(probe, [candidates] * state.context.draws)
    return state


def _run_of(protocol: Adaptive, probe: str) -> tuple[Run, str]:
    return next((run, end) for run in protocol.runs() for end, name in run.probes.items() if name == probe)


def differing(stored: Records, again: Records) -> int:
    """How many verdicts of ``again`` are not those that are stored; a row that is not stored is one."""
    probes = {name: at for at, name in enumerate(np.unique(np.concatenate([stored.probe, again.probe])).tolist())}

    def told(records: Records) -> set[tuple[int, ...]]:
        codes = [probes[name] for name in records.probe.tolist()]
        columns = (records.example, records.draw, records.status, records.label)
        return set(zip(codes, *(column.tolist() for column in columns), strict=True))

    return len(told(again) - told(stored))
