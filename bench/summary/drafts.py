"""Rows before they are ranked: the cells of a method put together, with their marks, flags and scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trustdm.bench import conforms
from trustdm.bench.foreign import line
from trustdm.bench.records import CellResult, total_cost
from trustdm.bench.suite.further import is_further
from trustdm.bench.summary import flags
from trustdm.bench.summary.broken import broken_row, refuse_unsound
from trustdm.bench.summary.facts import CellFacts, Facts
from trustdm.bench.summary.facts import facts as computed
from trustdm.bench.summary.further import Pool, fallen, pool
from trustdm.bench.summary.marks import Currency, completeness, currencies, grouped, row_key, verification
from trustdm.bench.summary.parameters import parameters
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.score import Score
from trustdm.bench.types import Origin

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite

NOTHING = CellFacts(rows=0, examples=0, whole=False, flags=())
"""In the place of the facts of a cell that has none."""
SHOWN_NAME = 80
"""Letters of the name of a check; a stranger's file may say anything."""
Cells = dict[str, tuple[CellResult, CellFacts]]


@dataclass(frozen=True)
class Draft:
    """A row before ranking, with the score of the ranking metric; None where the row does not show it."""

    row: Row
    score: Score | None


def drafts(suite: Suite, results: Sequence[CellResult], facts: Facts = computed) -> list[Draft]:
    """The rows of a suite's board before they are ranked, in the order of their cells.

    Results of other suites are ignored, and cells that hold nothing yet. What makes up a row and what its marks mean:
    ``bench.summary.marks``. A row that cannot be summed up, whatever was raised, is there with the reason.
    """
    every = [r for r in results if r.identity.suite == suite.name and r.filled]
    known, lost = _facts_of(suite, every, facts)
    filled = [r for r in every if not is_further(r.identity.evaluation)]
    further = pool([r for r in every if r.id in known], known, lost)
    groups = grouped([r for r in filled if r.id in known])
    marks = currencies(suite, groups, lambda result: known[result.id])
    out = [_safely(suite, cells, mark, known, further) for (_, cells), mark in zip(groups, marks, strict=True)]
    apart = [r for r in filled if r.id not in known]
    return [*out, *(Draft(broken_row(suite.name, [r], lost[r.id]), None) for r in apart)]


def _facts_of(
    suite: Suite, results: Sequence[CellResult], facts: Facts
) -> tuple[dict[int, CellFacts], dict[int, Exception]]:
    """The facts of cells, and what was raised by those that have none.

    A cell whose row can be told keeps its place in it, with no facts; of another one nothing is known here.
    """
    known: dict[int, CellFacts] = {}
    lost: dict[int, Exception] = {}
    for result in results:
        try:
            hash(row_key(result))
            known[result.id] = NOTHING
            known[result.id] = facts(suite, result)
        except Exception as error:  # whatever a stored cell brings about costs its row and no other
            lost[result.id] = error
    return known, lost


def _safely(
    suite: Suite,
    results: list[CellResult],
    currency: Currency,
    known: Mapping[int, CellFacts],
    further: Pool,
) -> Draft:
    """The draft of a row; where one of its cells has no facts, or the row makes no sense, that with the reason."""
    try:
        for result in results:
            if result.id in further.lost:
                raise further.lost[result.id]
        draft = _draft(suite, results, currency, known, further)
        refuse_unsound(draft.row)
        return draft
    except Exception as error:  # as above
        return Draft(broken_row(suite.name, results, error), None)


def _draft(
    suite: Suite, results: list[CellResult], currency: Currency, known: Mapping[int, CellFacts], further: Pool
) -> Draft:
    cells: Cells = {r.identity.evaluation: (r, known[r.id]) for r in results}
    own = {name: score for _, known in cells.values() for name, score in known.scores.items()}
    fall = fallen(suite, cells, own, further)
    scores = fall.scores
    ranking, newest = suite.ranking.metric, results[-1]
    told = parameters(newest)
    checked = conforms.status_of([r.conformance for r in results])
    failed = _failed(results)
    best = _unless_refused(failed, _unless_failed(suite, cells, scores.get(ranking)))
    row = Row(
        method=newest.identity.method,
        method_version=newest.identity.method_version,
        params=told.full,
        shown=told.shown,
        lab=newest.lab,
        own=newest.own,
        lab_name=newest.lab_name,
        weights=newest.identity.weights,
        suite=suite.name,
        suite_version=newest.identity.suite_version,
        seed=newest.identity.seed,
        origin=newest.origin,
        currency=currency,
        completeness=completeness(suite, cells),
        verification=verification(results),
        flags=_flags(newest, cells),
        metrics={m.name: scores[m.name].estimate for m in suite.metrics if m.name in scores},
        rank_low=None,
        rank_high=None,
        rank_group="",
        rank_test="",
        caveat=best.caveat if best else _refusal(failed),
        conformance=checked,
        failed_checks=tuple(failed),
        cost=total_cost([r.cost for r in results]),
        n=_examples(suite, cells),
        planned=max(r.planned // _per_example(suite, r) for r in results),
        card=newest.card,
        cells=tuple(r.id for r in results),
        errors=_errors(suite, results, cells, failed),
        further=fall.results,
    )
    return Draft(row, best)


def _unless_failed(suite: Suite, cells: Cells, score: Score | None) -> Score | None:
    """The score that ranks; with a caveat where the method failed on every example: nothing was measured."""
    evaluation = suite.ranking_metric.evaluation
    if score is None or evaluation not in cells or cells[evaluation][1].answered:
        return score
    return replace(score, caveat="the method failed on every example")


def _failed(results: Sequence[CellResult]) -> dict[str, str]:
    """The conformance checks that the method failed, each with a line that says what is wrong."""
    found = [r.conformance for r in results if r.conformance]
    return {name: f"conformance: {said}" for c in found for name, said in zip(c.failed, c.messages, strict=True)}


def _refusal(failed: Iterable[str]) -> str:
    """Why a method that failed checks is not ranked; empty for one that did not."""
    names = ", ".join(line(name, SHOWN_NAME) for name in failed)
    return f"conformance failed: {names}" if names else ""


def _unless_refused(failed: Iterable[str], score: Score | None) -> Score | None:
    """The score that ranks; with a caveat where the method failed conformance checks."""
    words = _refusal(failed)
    if score is None or not words:
        return score
    return replace(score, caveat=f"{score.caveat}; {words}" if score.caveat else words)


def _flags(newest: CellResult, cells: Cells) -> tuple[str, ...]:
    return tuple(sorted({*flags.of_card(newest.card), *(name for _, known in cells.values() for name in known.flags)}))


def _errors(suite: Suite, results: list[CellResult], cells: Cells, failed: Mapping[str, str]) -> tuple[str, ...]:
    """What went wrong while the method ran, why some metrics cannot be told, what the failed checks say; each once."""
    of_blocks = [error for result in results for error in result.errors]
    return tuple(dict.fromkeys([*of_blocks, *_problems(suite, cells), *failed.values()]))


def _problems(suite: Suite, cells: Cells) -> list[str]:
    """Why some metrics cannot be told, in the order of the suite."""
    order = {metric.name: at for at, metric in enumerate(suite.metrics)}
    lines = [line for _, known in cells.values() for line in known.problems]
    return sorted(lines, key=lambda line: order.get(line.partition(":")[0], len(order)))


def _examples(suite: Suite, cells: Cells) -> int:
    """How many examples were run in the evaluation that ranks; without it, in the one that has fewest."""
    evaluation = suite.ranking_metric.evaluation
    names = [evaluation] if evaluation in cells else list(cells)
    return min(cells[name][1].examples for name in names)


def _per_example(suite: Suite, result: CellResult) -> int:
    """How many positions an example of a cell has; a published log has one for each."""
    if result.origin is Origin.REPORTED:
        return 1
    return suite.positions(result.identity.evaluation).per_example
