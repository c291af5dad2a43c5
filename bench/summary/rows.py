"""Records in, rows of a board out: estimates and rank intervals, all computed from what is stored."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trustdm.bench import stats
from trustdm.bench.errors import StoreError, TrustdmError
from trustdm.bench.records import CellResult
from trustdm.bench.summary.marks import (
    Completeness,
    Currency,
    completeness,
    currencies,
    flags,
    grouped,
    on_suite,
    verification,
)
from trustdm.bench.tasks.certification import metrics as certscores
from trustdm.bench.tasks.generation import metrics as setscores
from trustdm.bench.tasks.generation.metrics import SetScore
from trustdm.bench.tasks.robustness.verdicts import Scores, Verdicts, accuracy, survival, tabulate
from trustdm.bench.types import Cost, Estimate, Origin, Verification

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec

ALONE = "none: alone in its group"
_STATISTICS = {"accuracy": accuracy, "survival": survival}
AnyScore = Scores | SetScore
_Cells = dict[str, tuple[CellResult, Verdicts]]


@dataclass(frozen=True)
class Row:
    """What a board says about one method, version, parameters, weights, suite version and seed, measured in one lab.

    ``metrics`` has no entry where there is nothing to show: no cell, no example that counts, or a verdict missing.
    ``n`` counts examples with records in the evaluation of the ranking metric (without one: in the evaluation that
    has fewest). ``rank_low`` and ``rank_high`` are None, group and test empty, where a row is not ranked.
    """

    method: str
    method_version: str
    params: tuple[tuple[str, object], ...]
    suite: str
    suite_version: int
    seed: int
    origin: Origin
    currency: Currency
    completeness: Completeness
    verification: Verification
    flags: tuple[str, ...]
    metrics: dict[str, Estimate]
    rank_low: int | None
    rank_high: int | None
    rank_group: str
    rank_test: str
    cost: Cost
    n: int
    planned: int
    card: dict[str, object]
    cells: tuple[int, ...]
    errors: tuple[str, ...]
    lab: str = ""
    weights: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The row as plain JSON values; costs in seconds, images and bytes."""
        return {
            "method": self.method,
            "version": self.method_version,
            "params": dict(self.params),
            "weights": list(self.weights),
            "lab": self.lab,
            "suite": self.suite,
            "suite_version": self.suite_version,
            "seed": self.seed,
            "origin": self.origin.value,
            "currency": self.currency,
            "completeness": self.completeness,
            "verification": self.verification.value,
            "flags": list(self.flags),
            "rank_low": self.rank_low,
            "rank_high": self.rank_high,
            "rank_group": self.rank_group,
            "rank_test": self.rank_test,
            "cost": {
                "wall_s": self.cost.wall,
                "device_s": self.cost.device,
                "forwards": self.cost.forwards,
                "gradients": self.cost.gradients,
                "memory_bytes": self.cost.memory,
            },
            "n": self.n,
            "planned": self.planned,
            "errors": list(self.errors),
            "metrics": {name: _plain(estimate) for name, estimate in self.metrics.items()},
        }


def _plain(estimate: Estimate) -> dict[str, object]:
    return {name: value for name, value in asdict(estimate).items() if name != "detail" or value}


def rows(suite: Suite, results: Sequence[CellResult]) -> list[Row]:
    """The rows of a suite's board, sorted: full before preview, current before others, best first, then by name.

    Results of other suites are ignored, and cells that hold nothing yet. What makes up a row and what its marks mean:
    ``bench.summary.marks``. Rows are ranked among those that can be compared: measured, current, equally complete, of
    one seed and one set of examples.

    Raises:
        StoreError: a record is there twice.
    """
    groups = grouped(r for r in results if r.identity.suite == suite.name and len(r.records))
    marks = currencies(suite, groups)
    drafts = [_draft(suite, cells, mark) for (_, cells), mark in zip(groups, marks, strict=True)]
    direction = _direction(suite)

    def place(row: Row) -> tuple[object, ...]:
        best = row.metrics.get(suite.ranking.metric)
        value = -direction * best.value if best else np.inf
        return row.completeness != "full", row.currency != "current", value, row.method, str(row.params), row.cells

    return sorted(_ranked(suite, drafts), key=place)


def curve(suite: Suite, result: CellResult) -> list[tuple[str, Estimate]]:
    """The share still correct after each probe of a cell, in the order the probes were run."""
    table = verdicts(suite, result)
    points = [(p, _estimate(survival(table, p, suite.failures))) for p in table.probes]
    return [(probe, estimate) for probe, estimate in points if estimate]


def verdicts(suite: Suite, result: CellResult) -> Verdicts:
    """One line for each example and draw of a cell, with the status at every probe in the order they were run.

    The order is that of the evaluation's ``attacks``: the suite's, or for a cell of another version its own.

    Raises:
        StoreError: a record is there twice.
    """
    spec = suite.evaluations.get(result.identity.evaluation)
    current = spec is not None and on_suite(suite, result)
    params = spec.params if spec is not None and current else json.loads(result.identity.params or "{}")
    attacks = [str(attack["name"]) for attack in params.get("attacks", ())]
    return tabulate(result.records, attacks, where=f"cell {result.id}")


@dataclass(frozen=True)
class _Draft:
    """A row before ranking; ``scores`` of the ranking metric, None where the row does not show it."""

    row: Row
    scores: AnyScore | None

    @property
    def examples(self) -> NDArray[np.int64]:
        """The examples behind the scores (none for a set statistic, whose group says what it was taken of)."""
        return self.scores.example if isinstance(self.scores, Scores) else np.zeros(0, dtype=np.int64)

    @property
    def group(self) -> tuple[object, ...]:
        """What must be equal for two rows to be compared."""
        own = self.scores.group if isinstance(self.scores, SetScore) else (self.examples.tobytes(),)
        return (self.row.completeness, self.row.seed, *own)


def _draft(suite: Suite, results: list[CellResult], currency: Currency) -> _Draft:
    cells: _Cells = {r.identity.evaluation: (r, verdicts(suite, r)) for r in results}
    scores, problems = _scores(suite, cells)
    estimates = {name: _estimate(s) for name, s in scores.items()}
    newest = results[-1]
    row = Row(
        method=newest.identity.method,
        method_version=newest.identity.method_version,
        params=tuple((str(k), v) for k, v in newest.identity.method_params),
        lab=newest.lab,
        weights=newest.identity.weights,
        suite=suite.name,
        suite_version=newest.identity.suite_version,
        seed=newest.identity.seed,
        origin=newest.origin,
        currency=currency,
        completeness=completeness(suite, cells),
        verification=verification(results),
        flags=flags(newest.card, cells.values()),
        metrics={name: e for name, e in estimates.items() if e},
        rank_low=None,
        rank_high=None,
        rank_group="",
        rank_test="",
        cost=_cost([r.cost for r in results]),
        n=_measured(suite, cells),
        planned=max(r.planned // _chunks(suite, r) for r in results),
        card=newest.card,
        cells=tuple(r.id for r in results),
        errors=tuple(dict.fromkeys([*(e for r in results for e in r.errors), *problems])),
    )
    return _Draft(row, scores[suite.ranking.metric] if suite.ranking.metric in row.metrics else None)


def _scores(suite: Suite, cells: _Cells) -> tuple[dict[str, AnyScore | None], list[str]]:
    """The score of every metric, and why some cannot be told: too few images for it, say."""
    found: dict[str, AnyScore | None] = {}
    problems = []
    for metric in suite.metrics:
        try:
            found[metric.name] = _score(suite, metric, cells)
        except StoreError:
            raise
        except (TrustdmError, ValueError, TypeError, IndexError) as error:  # arrays of strangers may hold anything
            found[metric.name] = None
            problems.append(f"{metric.name}: {' '.join(str(error).split())}")
    return found, problems


def _score(suite: Suite, metric: MetricSpec, cells: _Cells) -> AnyScore | None:
    if metric.evaluation not in cells:
        return None
    result, table = cells[metric.evaluation]
    if metric.statistic in _STATISTICS:
        return _STATISTICS[metric.statistic](table, metric.probe, suite.failures)
    if suite.certification is not None:
        return certscores.score(suite, metric, result)
    return setscores.score(suite, metric.statistic, result)


def _estimate(scores: AnyScore | None) -> Estimate | None:
    if isinstance(scores, SetScore):
        return scores.estimate
    if scores is None or not scores.draws.any():
        return None
    if scores.estimate is not None:
        return scores.estimate
    counts = scores.draws > 0
    return stats.clustered(scores.mean[counts], scores.draws[counts])


def _measured(suite: Suite, cells: _Cells) -> int:
    evaluation = _ranking(suite).evaluation
    names = [evaluation] if evaluation in cells else list(cells)
    return min(len(np.unique(cells[name][1].example)) // _chunks(suite, cells[name][0]) for name in names)


def _chunks(suite: Suite, result: CellResult) -> int:
    """How many positions an example of a cell has; a published log has one for each."""
    return 1 if result.origin is Origin.REPORTED else suite.chunks(result.identity.evaluation)


def _cost(costs: Sequence[Cost]) -> Cost:
    """Sums, and the largest peak of memory."""
    return Cost(
        wall=sum(c.wall for c in costs),
        device=sum(c.device for c in costs),
        forwards=sum(c.forwards for c in costs),
        gradients=sum(c.gradients for c in costs),
        memory=max(c.memory for c in costs),
    )


def _ranking(suite: Suite) -> MetricSpec:
    return next(m for m in suite.metrics if m.name == suite.ranking.metric)


def _direction(suite: Suite) -> int:
    return 1 if _ranking(suite).direction == "higher" else -1


def _ranked(suite: Suite, drafts: Iterable[_Draft]) -> list[Row]:
    groups: dict[tuple[object, ...], list[_Draft]] = defaultdict(list)
    out = []
    for draft in drafts:
        if draft.scores is None or draft.row.currency != "current" or draft.row.origin is not Origin.MEASURED:
            out.append(draft.row)
        else:
            groups[draft.group].append(draft)
    for group in groups.values():
        once = _once(group)
        out += _ranks(suite, once)
        out += [draft.row for draft in group if all(draft is not kept for kept in once)]
    return out


def _once(group: list[_Draft]) -> list[_Draft]:
    """The group with each method once: one that several labs measured is ranked by what is stored last."""
    newest: dict[object, _Draft] = {}
    for draft in sorted(group, key=lambda d: max(d.row.cells)):
        newest[draft.row.method, draft.row.method_version, draft.row.params, draft.row.weights] = draft
    return [draft for draft in group if any(draft is kept for kept in newest.values())]


def _ranks(suite: Suite, group: list[_Draft]) -> list[Row]:
    """The rows of one group with their rank intervals: tests of all pairs, Holm over these."""
    p, gap, name = _tests(suite, group)
    level, pairs = suite.ranking.level, len(group) * (len(group) - 1) // 2
    bounds = stats.rank_intervals(stats.significantly_better(p, gap, level))
    test = f"{name}, Holm over {pairs} pair{'s' * (pairs > 1)}, level {level:g}" if pairs else ALONE
    label = _label(suite, group[0])
    return [
        replace(d.row, rank_low=low, rank_high=high, rank_group=label, rank_test=test)
        for d, (low, high) in zip(group, bounds, strict=True)
    ]


def _tests(suite: Suite, group: list[_Draft]) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """p-values and gaps of all pairs: paired over the examples, or from each set statistic's own error."""
    paired = [d.scores for d in group if isinstance(d.scores, Scores)]
    if paired:
        return stats.pairwise(_direction(suite) * np.stack([s.mean for s in paired]))
    return setscores.pairwise([d.scores for d in group if isinstance(d.scores, SetScore)], _direction(suite))


def _label(suite: Suite, draft: _Draft) -> str:
    """ "full", "preview n=64"; with the seed unless it is the suite's first, and a mark for examples that are not
    the first ones of the test list, or for a reference that the suite does not pin."""
    row, examples = draft.row, draft.examples
    words: list[str] = [row.completeness]
    if row.completeness == "preview":
        words.append(f"n={len(examples) or row.n}")
        if len(examples) and not np.array_equal(np.sort(suite.test[: len(examples)]), examples):
            words.append(f"examples={hashlib.sha256(examples.tobytes()).hexdigest()[:8]}")
    if suite.generation and suite.generation.reference_sha256 is None:
        words.append(f"reference={str(draft.group[-1])[:8]}")
    if row.seed != suite.seeds[0]:
        words.append(f"seed={row.seed}")
    return " ".join(words)
