"""Who is better than whom, as far as the records tell: groups of comparable rows, tests of all pairs, ranks."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trustdm.bench import stats
from trustdm.bench.summary import comparison
from trustdm.bench.summary.drafts import Draft
from trustdm.bench.summary.row import Row
from trustdm.bench.types import Origin

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite

ALONE = "none: alone in its group"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Scored:
    """A draft that has a score, and so can be compared."""

    draft: Draft
    examples: NDArray[np.int64]
    values: Floats | None
    value: float
    se: float
    group: tuple[object, ...]
    label: str

    @staticmethod
    def of(draft: Draft) -> _Scored | None:
        """None where the row is not ranked: no score or one with a caveat, not current, not measured."""
        row, score = draft.row, draft.score
        if score is None or score.caveat or row.currency != "current" or row.origin is not Origin.MEASURED:
            return None
        examples = np.zeros(0, dtype=np.int64) if score.examples is None else score.examples
        group = (row.completeness, row.seed, examples.tobytes(), *score.group)
        return _Scored(draft, examples, score.values, score.estimate.value, score.se, group, score.label)


def ranked(suite: Suite, drafts: Iterable[Draft]) -> list[Row]:
    """The rows, with rank intervals where they can be ranked."""
    groups: dict[tuple[object, ...], list[_Scored]] = defaultdict(list)
    out = []
    for draft in drafts:
        scored = _Scored.of(draft)
        if scored is None:
            out.append(draft.row)
        else:
            groups[scored.group].append(scored)
    for group in groups.values():
        left_out = _left_out(group)
        out += _ranks(suite, [scored for scored in group if id(scored) not in left_out])
        out += [replace(s.draft.row, caveat=left_out[id(s)]) for s in group if id(s) in left_out]
    return out


def _left_out(group: list[_Scored]) -> dict[int, str]:
    """Imported rows that another row of the group speaks for, by id, each with the reason.

    What this store measured speaks for every imported row of that method and parameters, whatever version and weights
    a stranger's file names. Among imported rows of one version and weights, that of a lab with a name comes first, then
    the one that was stored first: a later file never takes the place of an earlier one.
    """
    own = {(s.draft.row.method, s.draft.row.shown) for s in group if s.draft.row.own}
    taken: dict[object, Row] = {}
    reasons = {}
    for scored in sorted(group, key=lambda s: (not s.draft.row.lab_name, max(s.draft.row.cells))):
        row = scored.draft.row
        if row.own:
            continue
        key = row.method, row.method_version, row.params, row.weights
        if (row.method, row.shown) in own:
            reasons[id(scored)] = "imported; the row measured here is ranked instead"
        elif (first := taken.setdefault(key, row)) is not row:
            by = first.lab_name or first.lab[:8]
            reasons[id(scored)] = f"imported; the row of lab {by} is ranked instead"
    return reasons


def _ranks(suite: Suite, group: list[_Scored]) -> list[Row]:
    """The rows of one group with their rank intervals: tests of all pairs, Holm over these."""
    p, gap, name = _tests(suite, group)
    level, pairs = suite.ranking.level, len(group) * (len(group) - 1) // 2
    better = stats.significantly_better(p, gap, level)
    bounds = stats.rank_intervals(better)
    test = f"{name}, Holm over {pairs} pair{'s' * (pairs > 1)}, level {level:g}" if pairs else ALONE
    label, (verdicts, least) = _label(suite, group[0]), _compared(suite, group, better, gap)
    return [
        replace(
            s.draft.row,
            rank_low=low,
            rank_high=high,
            rank_group=label,
            rank_test=test,
            comparison=verdict or "",
            separable=least,
        )
        for s, (low, high), verdict in zip(group, bounds, verdicts, strict=True)
    ]


def _compared(
    suite: Suite, group: list[_Scored], better: NDArray[np.bool_], gap: Floats
) -> tuple[list[comparison.Verdict | None], float | None]:
    """Each row's verdict against the best one, and the least difference that the group could separate."""
    values = [s.values for s in group if s.values is not None]
    table = np.stack(values) if values else None
    errors = comparison.z_errors([s.se for s in group]) if table is None else comparison.pair_errors(table)
    binary = table is not None and bool(np.isin(table[~np.isnan(table)], (0.0, 1.0)).all())
    level, pairs = suite.ranking.level, len(group) * (len(group) - 1) // 2
    metric = suite.task.metric(suite.ranking_metric.statistic)
    margin = comparison.margins(metric.unit if metric else "", [s.value for s in group], suite.ranking.margin)
    n = None if table is None else int((~np.isnan(table)).all(axis=0).sum())
    least = comparison.unseen(level, pairs, n) if n is not None and metric and metric.unit == "share" else 0.0
    z = comparison.quantile(level, pairs)
    verdicts = comparison.against_best(better, gap, errors, z, margin, least)
    return verdicts, comparison.smallest_separable(errors, level, n, binary=binary)


def _tests(suite: Suite, group: list[_Scored]) -> tuple[Floats, Floats, str]:
    """p-values and gaps of all pairs: paired over the examples, or from each statistic's own error."""
    direction = 1 if suite.ranking_metric.direction == "higher" else -1
    values = [s.values for s in group if s.values is not None]
    if values:
        return stats.pairwise(direction * np.stack(values))
    return stats.z_pairwise([s.value for s in group], [s.se for s in group], direction)


def _label(suite: Suite, scored: _Scored) -> str:
    """ "full", "preview n=64"; with the seed unless it is the suite's first, and a mark for examples that are not
    the first ones of the test list, or for whatever else the score's group is told by."""
    row, examples = scored.draft.row, scored.examples
    words: list[str] = [row.completeness]
    if row.completeness == "preview":
        words.append(f"n={len(examples) or row.n}")
        if len(examples) and not np.array_equal(np.sort(suite.test[: len(examples)]), examples):
            words.append(f"examples={hashlib.sha256(examples.tobytes()).hexdigest()[:8]}")
    if scored.label:
        words.append(scored.label)
    if row.seed != suite.seeds[0]:
        words.append(f"seed={row.seed}")
    return " ".join(words)
