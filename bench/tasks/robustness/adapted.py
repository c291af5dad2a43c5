"""Robust accuracy of a randomized defence: the least that any attack left, attack by attack, over fresh draws."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trustdm.bench.summary.score import Score, shares
from trustdm.bench.tasks.robustness.eot import randomness_caveat
from trustdm.bench.tasks.robustness.tables import (
    attack_label,
    attack_tables,
    may_be_idle,
    probe_names,
    probes_of,
    ranks,
)
from trustdm.bench.tasks.robustness.verdicts import CLEAN, Over, Shares, accuracy_scores
from trustdm.bench.types import Estimate

if TYPE_CHECKING:
    from trustdm.bench.suite.models import MetricSpec
    from trustdm.bench.summary.cell import CellView

ADAPTIVE = "adaptive"
"""The protocol that looks at every attack under every draw; ``task`` imports the flags, which are told here."""
WRONG_SHARE = 0.25
"""Share of the rows at the gate that may have another slope than declared: a kink of a network may lie there."""
WEAK = ("transfer", "square-eot")
"""Attacks that should leave more than those that follow the method's own gradient."""
BEYOND_CHANCE = 3.0
"""Standard errors of a paired difference: there are several attacks, and it is told of every row."""
FEWEST = 8


def robust_accuracy(cell: CellView, spec: MetricSpec) -> Score | None:
    """The accuracy under the candidates that left the least of it, as a set, with the interval of these.

    Attacks are compared as a whole, not image by image: the least of many noisy draws of each image would be below
    what any of them does. None where the attack could not be mounted, or its verdicts are missing.
    """
    over: Over = spec.params.get("over", "mean")
    tables = attack_tables(cell.params)
    left = least(cell, probes_of(tables, str(spec.params.get("attack", ""))), over)
    if left is None:
        return None
    score = _score(left, over)
    caveat = gate_caveat(cell) or randomness_caveat(cell, tables)
    return None if score is None else replace(score, caveat=caveat)


def least(cell: CellView, probes: list[str], over: Over) -> Shares | None:
    """The shares at the probe where fewest are correct; None where none of these attacks was mounted."""
    told = [accuracy_scores(cell.table, probe, cell.suite.failures, over) for probe in probes if mounted(cell, probe)]
    known = [each for each in told if each is not None and len(each.values)]
    if not known or len(known) < len(told):
        return None
    return min(known, key=lambda each: float(np.nanmean(each.values)))


def profile(cell: CellView) -> list[tuple[str, Estimate]]:
    """Clean accuracy, and what each attack that was mounted left, by its label; means over draws."""
    points = [(CLEAN, _estimate(accuracy_scores(cell.table, CLEAN, cell.suite.failures)))]
    tables = attack_tables(cell.params)
    points += [(label, _estimate(least(cell, probes_of(tables, label), "mean"))) for label in map(attack_label, tables)]
    return [(label, value) for label, value in points if value is not None]


def headline(cell: CellView) -> tuple[str, Estimate] | None:
    """The attack that left the least of those that rank, and what it left."""
    ranking = {attack_label(table) for table in attack_tables(cell.params) if ranks(table)}
    left = [(label, value) for label, value in profile(cell) if label in ranking]
    return min(left, key=lambda each: each[1].value, default=None)


def at_probe(cell: CellView, probe: str) -> dict[Over, Estimate | None]:
    """The accuracy at one probe: mean over draws, majority of them, all of them; None where it is not known."""
    known = probe == CLEAN or mounted(cell, probe)
    overs: tuple[Over, ...] = ("mean", "majority", "worst")
    shown = {over: accuracy_scores(cell.table, probe, cell.suite.failures, over) if known else None for over in overs}
    return {over: _estimate(told, over) for over, told in shown.items()}


def _estimate(told: Shares | None, over: Over = "mean") -> Estimate | None:
    score = None if told is None else _score(told, over)
    return None if score is None else score.estimate


def _score(told: Shares, over: Over) -> Score | None:
    """A majority, or the worst, of several draws is one verdict for each image."""
    draws = told.draws if over == "mean" else np.minimum(told.draws, 1)
    return shares(told.example, told.values, draws)


def mounted(cell: CellView, probe: str) -> bool:
    """Whether an attack was mounted: one that cannot be on a method hands its images on as they are."""
    return moves(cell, probe) or not may_be_idle(attack_tables(cell.params), probe)


def moves(cell: CellView, probe: str) -> bool:
    """Whether an attack changed any image."""
    at = cell.records.probe == probe
    norms = cell.records.norm[at]
    tried = norms[~np.isnan(norms)]
    return not len(tried) or bool(np.any(tried > 0))


def gate_caveat(cell: CellView) -> str:
    """Why the gradient that attacks followed cannot be trusted; empty where it can."""
    looked_at = cell.count("gate_rows")
    if draws_ignored(cell):
        return "declared randomized, and answers the same under every draw: declare what it is"
    if cell.count("zero_gradient_rows") > WRONG_SHARE * cell.count("checked_rows"):
        return "gradient unverified: it is zero, so that attacks had nothing to follow"
    if cell.count("gate_unrepeatable_rows") > WRONG_SHARE * looked_at:
        return "gradient unverified: the method answers differently under the same noise"
    if cell.count("gate_wrong_rows") > WRONG_SHARE * looked_at:
        return "gradient unverified: it differs from measured slopes, so that attacks followed another one"
    return ""


def adaptive(cell: CellView) -> bool:
    """Whether attacks and verdicts take the draws of a method into account."""
    return cell.result.identity.protocol == ADAPTIVE


def gradient_unverified(cell: CellView) -> bool:
    """The gate did not pass."""
    return adaptive(cell) and bool(gate_caveat(cell))


def idle(cell: CellView) -> bool:
    """An attack that can be mounted on any method changed no image at all."""
    tables = attack_tables(cell.params)
    probes = [probe for table in tables for names in probe_names(table) for probe in names.values()]
    return adaptive(cell) and any(not moves(cell, p) and not may_be_idle(tables, p) for p in probes)


def draws_ignored(cell: CellView) -> bool:
    """Every image had the same logits under every draw."""
    return adaptive(cell) and cell.count("same_draw_rows") == cell.count("checked_rows") > 0


def unmounted(cell: CellView) -> bool:
    """Some attack could not be mounted."""
    return cell.count("unmounted_rows") > 0


def transfer_helps(cell: CellView) -> bool:
    """An attack on the bare classifier left less than those through the purifier."""
    return _beats(cell, "transfer")


def scores_help(cell: CellView) -> bool:
    """An attack without gradients left less than those with."""
    return _beats(cell, "square-eot")


def _beats(cell: CellView, name: str) -> bool:
    """Whether the attacks of that name, which are weaker, left less than the best of the others beyond chance."""
    if not adaptive(cell):
        return False
    tables = [table for table in attack_tables(cell.params) if ranks(table)]
    weak = [probe for t in tables if t["name"] == name for probe in probes_of([t], attack_label(t))]
    strong = [probe for t in tables if t["name"] not in WEAK for probe in probes_of([t], attack_label(t))]
    one, other = least(cell, weak, "mean"), least(cell, strong, "mean")
    if one is None or other is None or len(one.values) != len(other.values):
        return False
    apart = (other.values - one.values)[~np.isnan(other.values - one.values)]
    if len(apart) < FEWEST or not np.any(apart):
        return False
    return float(apart.mean()) > BEYOND_CHANCE * float(apart.std(ddof=1)) / math.sqrt(len(apart))
