"""Accuracy at one probe and survival over all of them, from the verdicts of a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trustdm.bench.summary.score import Score, shares
from trustdm.bench.tasks.robustness.eot import asked_attacks, randomness_caveat
from trustdm.bench.tasks.robustness.task import CLASSIFIED, PASSES
from trustdm.bench.tasks.robustness.verdicts import Shares, accuracy_scores, survival_scores
from trustdm.bench.types import Estimate

if TYPE_CHECKING:
    from trustdm.bench.suite.models import MetricSpec
    from trustdm.bench.summary.cell import CellView


def accuracy(cell: CellView, spec: MetricSpec) -> Score | None:
    """Share of examples that are correct at the metric's probe ("": "clean")."""
    return _score(accuracy_scores, cell, spec)


def survival(cell: CellView, spec: MetricSpec) -> Score | None:
    """Share of examples still correct after every probe up to the metric's ("": all of them)."""
    return _score(survival_scores, cell, spec)


def passes(cell: CellView, spec: MetricSpec) -> Score | None:
    """Network evaluations an image; None where no network was seen (``targets.passes``)."""
    each = passes_an_image(cell)
    return None if each is None else Score(Estimate(each, each, each, cell.examples))


def passes_an_image(cell: CellView) -> float | None:
    """The mean over the images of a clean evaluation; None where none were counted."""
    images = cell.count(CLASSIFIED)
    return cell.count(PASSES) / images if images and cell.count(PASSES) else None


def _score(of: Callable[..., Shares | None], cell: CellView, spec: MetricSpec) -> Score | None:
    over: Any = spec.params.get("over", "mean")
    verdicts = of(cell.table, spec.probe, cell.suite.failures, over)
    if verdicts is None:
        return None
    draws = verdicts.draws if over == "mean" else np.minimum(verdicts.draws, 1)
    score = shares(verdicts.example, verdicts.values, draws)
    if score is None:
        return None
    return replace(score, caveat=randomness_caveat(cell, asked_attacks(cell, spec.probe, alone=of is accuracy_scores)))


def curve(cell: CellView) -> list[tuple[str, Estimate]]:
    """The share still correct after each probe of a cell, in the order the probes were run."""
    points = []
    for probe in cell.table.probes:
        verdicts = survival_scores(cell.table, probe, cell.suite.failures)
        score = None if verdicts is None else shares(verdicts.example, verdicts.values, verdicts.draws)
        if score is not None:
            points.append((probe, score.estimate))
    return points
