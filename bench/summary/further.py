"""Further evaluations of a row: what outside attacks left of it, and which of them make its numbers fall.

A row falls by cells that were measured here or by its own lab. What another lab sends in stands beside it as a claim:
whoever imports a file must not find a number of their own lowered by what nobody here has seen run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from trustdm.bench.records import CellResult
from trustdm.bench.scrub import reason
from trustdm.bench.suite.further import credit, falling, is_further, label_of
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.marks import row_key
from trustdm.bench.summary.score import Score
from trustdm.bench.types import Estimate

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec
    from trustdm.bench.summary.facts import CellFacts

NAMED = 3
"""So many are named in one line; the page of a method and JSON name all."""
Scores = Mapping[str, Score]
Cells = Mapping[str, tuple[CellResult, "CellFacts"]]


@dataclass(frozen=True)
class FurtherResult:
    """What one further evaluation left: ``label`` is what it is called, ``by`` who is named for it.

    ``metrics`` are those of the row that fall, on ``n`` examples. It ``counts`` where these are the row's, and were
    measured here or by the row's own lab; else ``why`` says why not. ``lab_name`` is empty for the row's own lab.
    ``cell`` is its id, and ``lowers`` names the metrics of which it left the least of all.
    """

    label: str
    by: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    n: int
    why: str
    cell: int
    lab_name: str = ""
    lowers: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        return not self.why

    @property
    def credited(self) -> str:
        """The label with whoever is named, the first of many: "my-attack (A. Author)"."""
        more = f" and {len(self.by) - NAMED} more" if len(self.by) > NAMED else ""
        return self.label + (f" ({', '.join(self.by[:NAMED])}{more})" if self.by else "")

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        metrics = {name: {"value": e.value, "low": e.low, "high": e.high, "n": e.n} for name, e in self.metrics.items()}
        return {
            "label": self.label,
            "by": list(self.by),
            "metrics": metrics,
            "n": self.n,
            "counts": self.counts,
            "lowers": list(self.lowers),
            "why": self.why,
            "measured_by": self.lab_name,
            "cell": self.cell,
        }


@dataclass(frozen=True)
class Fallen:
    """Scores of a row once every further evaluation that counts has been looked at, and all that there are."""

    scores: Scores
    results: tuple[FurtherResult, ...] = ()


@dataclass(frozen=True)
class Pool:
    """The further cells of a board by what their rows are told by, with their facts or why there are none."""

    cells: Mapping[object, Sequence[CellResult]] = field(default_factory=dict)
    known: Mapping[int, CellFacts] = field(default_factory=dict)
    lost: Mapping[int, Exception] = field(default_factory=dict)

    def of(self, row: CellResult) -> Sequence[CellResult]:
        """Those about the method, parameters, weights, suite and seed of a row's cell, of any lab."""
        return self.cells.get(_about(row), ())


def pool(cells: Sequence[CellResult], known: Mapping[int, CellFacts], lost: Mapping[int, Exception]) -> Pool:
    """The further ones among ``cells``; those that a later run corrects are left out."""
    found: dict[object, list[CellResult]] = {}
    for cell in cells:
        if is_further(cell.identity.evaluation) and not cell.superseded:
            found.setdefault(_about(cell), []).append(cell)
    return Pool(found, known, lost)


def fallen(suite: Suite, cells: Cells, scores: Scores, further: Pool) -> Fallen:
    """The scores of the row that ``cells`` make up, each the least of its own and of the further ones that count."""
    ranked = cells.get(suite.ranking_metric.evaluation)
    row = _Row(suite, None if ranked is None else ranked[0], scores)
    results, left, least = [], dict(scores), dict[str, int]()
    for cell in sorted(further.of(next(iter(cells.values()))[0]), key=lambda each: each.id):
        result, found = _looked_at(row, cell, further)
        results.append(result)
        for name, score in found.items() if result.counts else ():
            if name in left and score.estimate.value < left[name].estimate.value:
                words = f"by {result.credited}; {_amount(suite, name, scores[name].estimate.value)} without it"
                left[name], least[name] = _instead(score, scores[name], words), cell.id
    told = [replace(r, lowers=tuple(name for name, cell in least.items() if cell == r.cell)) for r in results]
    return Fallen(left, tuple(sorted(told, key=lambda r: (not r.counts, _value(suite, r), r.cell))))


@dataclass(frozen=True)
class _Row:
    """The ranking evaluation of a row, which further ones are held against, and the row's own scores."""

    suite: Suite
    cell: CellResult | None
    scores: Scores

    @property
    def ranked(self) -> Score | None:
        return self.scores.get(self.suite.ranking.metric)


def _looked_at(row: _Row, cell: CellResult, further: Pool) -> tuple[FurtherResult, Scores]:
    known, error = further.known.get(cell.id), further.lost.get(cell.id)
    scores: Scores = {} if known is None or error is not None else known.scores
    n = 0 if known is None else known.examples
    why = f"cannot be summed up: {reason(error)}" if error is not None else _why_not(row, cell, known)
    if not why and (smaller := _restricted(row, cell, scores)) is not None:
        scores, why = smaller
    if not why and not scores:
        why = "no number can be told of it: its attack is outside of the threat model, or was not mounted"
    lab = "" if row.cell is not None and cell.lab == row.cell.lab else cell.lab_name or f"lab {cell.lab[:8]}"
    metrics = {name: score.estimate for name, score in scores.items()}
    label = label_of(cell.identity.evaluation)
    return FurtherResult(label, credit(cell.identity.params), metrics, n, why, cell.id, lab), scores


def _why_not(row: _Row, cell: CellResult, known: CellFacts | None) -> str:
    """Why a further evaluation does not lower the row, as far as can be said without its examples."""
    if row.cell is None or row.ranked is None:
        return "the row has no number of its own that could fall"
    if known is None:
        return "nothing is known of it"
    if not cell.own and cell.lab != row.cell.lab:
        return "measured by another lab: an imported claim, shown beside the row and not counted"
    if _protocol(cell) != _protocol(row.cell):
        return "measured under another version of the protocol"
    if known.failed:
        return f"the attack or the method failed on {known.failed} of {known.examples} examples"
    return ""


def _restricted(row: _Row, cell: CellResult, scores: Scores) -> tuple[Scores, str] | None:
    """The scores on the row's own examples alone, where the cell has more, or why there are none; None where it has
    just these."""
    ranked, found = row.ranked, scores.get(row.suite.ranking.metric)
    if ranked is None or found is None or ranked.examples is None or found.examples is None:
        return None
    own, there = np.unique(ranked.examples), np.unique(found.examples)
    if np.array_equal(own, there):
        return None
    missing = len(np.setdiff1d(own, there))
    if missing:
        return scores, f"it lacks {missing} of the row's {len(own)} examples: run it on as many"
    records = cell.records.where(np.isin(cell.records.example, own))
    view = CellView(row.suite, replace(cell, records=records, count=None))
    told = {spec.name: _score(view, spec) for spec in falling(row.suite)}
    return {name: score for name, score in told.items() if score is not None}, ""


def _score(view: CellView, spec: MetricSpec) -> Score | None:
    metric = view.suite.task.metric(spec.statistic)
    return None if metric is None else metric.score(view, spec)


def _amount(suite: Suite, name: str, value: float) -> str:
    """A value of a metric in words: shares in percent."""
    metric = suite.task.metric(next(spec.statistic for spec in suite.metrics if spec.name == name))
    return f"{100 * value:.1f}%" if metric and metric.unit == "share" else f"{value:.4g}"


def _instead(score: Score, own: Score, words: str) -> Score:
    """The lower score in the place of the row's own, with ``words``; what keeps the row from being ranked stays."""
    return replace(
        score,
        estimate=replace(score.estimate, detail=words),
        group=own.group,
        label=own.label,
        caveat=own.caveat,
    )


def _value(suite: Suite, result: FurtherResult) -> float:
    estimate = result.metrics.get(suite.ranking.metric)
    return float("inf") if estimate is None else estimate.value


def _about(cell: CellResult) -> object:
    """What a row is told by, but for the lab that measured it."""
    return row_key(cell)[1:]


def _protocol(cell: CellResult) -> str:
    """The protocol with its version, without those of attacks."""
    return cell.identity.protocol_version.partition(" ")[0]
