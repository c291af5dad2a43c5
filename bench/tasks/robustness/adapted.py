"""Robust accuracy of a randomized defence: the least that any attack left, attack by attack, over fresh draws."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trustdm.bench.summary.score import Score, shares
from trustdm.bench.tasks.robustness.eot import randomness_caveat
from trustdm.bench.tasks.robustness.tables import attack_tables, probes_of
from trustdm.bench.tasks.robustness.verdicts import Shares, accuracy_scores

if TYPE_CHECKING:
    from trustdm.bench.suite.models import MetricSpec
    from trustdm.bench.summary.cell import CellView

WRONG_SHARE = 0.25
"""Share of the rows at the gate that may have another slope than declared: a kink of a network may lie there."""


def robust_accuracy(cell: CellView, spec: MetricSpec) -> Score | None:
    """The accuracy under the candidates that left the least of it, as a set, with the interval of these.

    Attacks are compared as a whole, not image by image: the least of many noisy draws of each image would be below
    what any of them does. None where the attack could not be mounted, or its verdicts are missing.
    """
    over: Any = spec.params.get("over", "mean")
    tables = attack_tables(cell.params)
    left = least(cell, probes_of(tables, str(spec.params.get("attack", ""))), over)
    if left is None:
        return None
    draws = left.draws if over == "mean" else np.minimum(left.draws, 1)
    score = shares(left.example, left.values, draws)
    caveat = gate_caveat(cell) or randomness_caveat(cell, tables)
    return None if score is None else replace(score, caveat=caveat)


def least(cell: CellView, probes: list[str], over: Any) -> Shares | None:
    """The shares at the probe where fewest are correct; None where none of these attacks was mounted."""
    told = [accuracy_scores(cell.table, probe, cell.suite.failures, over) for probe in probes if mounted(cell, probe)]
    known = [each for each in told if each is not None and len(each.values)]
    if not known or len(known) < len(told):
        return None
    return min(known, key=lambda each: float(np.nanmean(each.values)))


def mounted(cell: CellView, probe: str) -> bool:
    """Whether an attack changed any image: one that cannot be mounted on a method hands its images on as they are."""
    at = cell.records.probe == probe
    norms = cell.records.norm[at]
    tried = norms[~np.isnan(norms)]
    return not len(tried) or bool(np.any(tried > 0))


def gate_caveat(cell: CellView) -> str:
    """Why the gradient that attacks followed cannot be trusted; empty where it can."""
    looked_at = cell.count("gate_rows")
    if cell.count("gate_unrepeatable_rows") > WRONG_SHARE * looked_at:
        return "gradient unverified: the method answers differently under the same noise"
    if cell.count("gate_wrong_rows") > WRONG_SHARE * looked_at:
        return "gradient unverified: it differs from measured slopes, so that attacks followed another one"
    return ""
