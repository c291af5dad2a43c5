"""What is computed from the records of one cell, once: its extent, its flags, the score of every metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from trustdm.bench.errors import StoreError, TrustdmError
from trustdm.bench.records import CellResult
from trustdm.bench.suite.further import asked
from trustdm.bench.summary import flags
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.score import Score

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec


@dataclass(frozen=True, eq=False)
class CellFacts:
    """``examples`` with records, and on how many of these the method ``failed`` at every probe; whether all are there;
    ``flags``; ``scores`` by metric, and ``problems`` with these.

    ``rows`` counts the records. Only the score of the ranking metric keeps its examples.
    """

    rows: int
    examples: int
    whole: bool
    flags: tuple[str, ...]
    scores: Mapping[str, Score] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    failed: int = 0

    @property
    def answered(self) -> int:
        """Examples on which the method did not fail."""
        return self.examples - self.failed


class Facts(Protocol):
    """Where facts come from: computed, or out of a cache (``summary.cache``)."""

    def __call__(self, suite: Suite, result: CellResult) -> CellFacts: ...


def facts(suite: Suite, result: CellResult) -> CellFacts:
    """The facts of one cell, from its records.

    Raises:
        StoreError: a record is there twice.
    """
    cell = CellView(suite, result)
    scores: dict[str, Score] = {}
    problems = []
    for spec in asked(suite, result.identity.evaluation):
        try:
            score = _score(cell, spec)
        except StoreError:
            raise
        except (TrustdmError, ValueError, TypeError, IndexError) as error:  # arrays of strangers may hold anything
            problems.append(f"{spec.name}: {' '.join(str(error).split())}")
            continue
        if score is not None:
            scores[spec.name] = (
                score if spec.name == suite.ranking.metric else replace(score, examples=None, values=None)
            )
    known = CellFacts(
        rows=len(result.records),
        examples=cell.examples,
        whole=cell.whole,
        flags=tuple(sorted(set(flags.of_cell(cell)))),
        scores=scores,
        problems=tuple(problems),
        failed=cell.failed,
    )
    result.forget()
    return known


def _score(cell: CellView, spec: MetricSpec) -> Score | None:
    metric = cell.suite.task.metric(spec.statistic)
    return None if metric is None else metric.score(cell, spec)
