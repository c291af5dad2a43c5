"""Records in, rows of a board out: estimates and rank intervals, all computed from what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trustdm.bench.records import CellResult
from trustdm.bench.summary.drafts import drafts
from trustdm.bench.summary.facts import Facts
from trustdm.bench.summary.facts import facts as computed
from trustdm.bench.summary.ranking import ranked
from trustdm.bench.summary.row import Row

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite


def rows(suite: Suite, results: Sequence[CellResult], facts: Facts = computed) -> list[Row]:
    """The rows of a suite's board, sorted: full before preview, current before others, best first, then by name.

    Rows are ranked among those that can be compared: measured, current, equally complete, of one seed and one set of
    examples, without a caveat. One that cannot be summed up is there with the reason (``Row.broken``).
    """
    direction = 1 if suite.ranking_metric.direction == "higher" else -1

    def place(row: Row) -> tuple[object, ...]:
        best = row.metrics.get(suite.ranking.metric)
        value = -direction * best.value if best else np.inf
        return row.completeness != "full", row.currency != "current", value, row.method, str(row.params), row.cells

    return sorted(ranked(suite, drafts(suite, results, facts)), key=place)
