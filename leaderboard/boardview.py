"""What a task may add to the pages. Every method has a default, so a task without a view has whole pages, too.

A view is one object in a module of the task's own; ``Task.view`` names it ("module:object"), and it is imported when
the first board of the task is published. It must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from trustdm.bench.errors import PluginError
from trustdm.bench.registry import loaded
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.row import Row
from trustdm.bench.types import Estimate, Origin
from trustdm.leaderboard import downloads, outcomes
from trustdm.leaderboard.boards import Board, Entry, Source
from trustdm.leaderboard.models import Cell, Key
from trustdm.leaderboard.sections import OnPage, Sections
from trustdm.leaderboard.svg import Chart

OTHERS = "other evaluations"
WAYS = {"lower": "Lower is better", "higher": "Higher is better"}
FAILURES = {"wrong": "the {unit} counts as wrong", "excluded": "the {unit} is left out, and n says so"}


@dataclass(frozen=True, slots=True)
class FactWords:
    """A term and what is said about it; left out where that is empty. ``code`` sets it in monospace."""

    term: str
    words: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column of a metric stands: first ("main"), as a part of these, or after them ("more").

    ``switch`` is what the switch says that shows it; columns with the same words have one switch. A main one has none.
    """

    kind: Literal["main", "part", "more"] = "main"
    switch: str = ""


@dataclass(frozen=True, slots=True)
class CostColumn:
    """A column of what a row cost for each example; ``name`` is an amount of ``bench.types.Cost``, or another one that
    ``BoardView.cost`` of the view knows."""

    name: str
    label: str
    hint: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """Something that is no method and gives the numbers a scale: real images, chance. ``values`` by metric."""

    name: str
    note: str
    values: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts of a board, and the legend of all of them, where they have none of their own."""

    charts: tuple[Chart, ...] = ()
    keys: tuple[Key, ...] = ()


class BoardView:
    """Base of every view. A ``group`` is the rows of a board that are ranked among themselves, never empty.

    ``costs_shown``: whether the columns of costs are there at first.
    """

    costs_shown: ClassVar[bool] = True

    # What the view's own methods need

    def load(self, source: Source, suite: Suite, rows: Sequence[Row]) -> object:
        """What becomes ``Board.extra``; nothing is read from the store here that a page may not need."""
        return None

    # The suite in words

    def line(self, suite: Suite) -> str:
        """One line on what is asked."""
        return next(iter(suite.task.says(suite)), suite.title)

    def facts(self, board: Board) -> Sequence[FactWords]:
        """What a reader must know of the protocol, above the table."""
        suite, (_, *more) = board.suite, [*board.suite.task.says(board.suite), ""]
        return [
            FactWords("What is asked", self.line(suite)),
            FactWords("Details", "; ".join(words for words in more if words)),
            FactWords("Data", suite.data.dataset),
            sizes(suite),
            failures(suite),
        ]

    def card(self, card: Mapping[str, object]) -> Sequence[FactWords]:
        """What of a method's card matters to this task, beside what is always shown."""
        return [FactWords("Shape of an example", "×".join(listed(card.get("input_shape"))))]

    # The table

    def label(self, suite: Suite, metric: MetricSpec) -> str:
        """What a metric is called."""
        return metric.label or metric.name.replace("_", " ")

    def describe(self, suite: Suite, metric: MetricSpec) -> str:
        """One sentence that says what a metric counts."""
        statistic = suite.task.metric(metric.statistic)
        words = statistic.describe(metric) if statistic else metric.statistic
        at = f", at “{metric.probe}”" if metric.probe else ""
        return f"{words}{at} (evaluation “{metric.evaluation}”). {WAYS[metric.direction]}"

    def place(self, suite: Suite, metric: MetricSpec) -> Place:
        """Where the column of a metric stands; by default those of the evaluation that ranks are the main ones."""
        return Place() if metric.evaluation == suite.ranking_metric.evaluation else Place("more", OTHERS)

    def cell(self, board: Board, entry: Entry, metric: MetricSpec) -> Cell | None:
        """The cell of a row in the column of a metric; None: as the metric's unit has it."""
        return None

    def costs(self, suite: Suite) -> Sequence[CostColumn]:
        """The columns of costs."""
        unit = suite.task.unit
        return (
            CostColumn("forwards", "Forward", f"Inputs sent through networks for each {unit}, over all evaluations"),
            CostColumn("device", "Device time", f"Process or device time for each {unit}"),
        )

    def cost(self, entry: Entry, column: CostColumn) -> float | None:
        """What a row took for each example, in the unit of the column; None where nobody counted it."""
        row = entry.row
        amount = getattr(row.cost, column.name) / row.n if row.n else 0.0
        return None if not row.n or (not amount and row.origin is Origin.REPORTED) else amount

    def cost_tells(self, board: Board, column: CostColumn) -> bool:
        """Whether a cost is worth a column on this board; one that is the same for every row is not, say."""
        return True

    def baselines(self, board: Board, group: Sequence[Entry]) -> Sequence[Baseline]:
        """Lines above the rows of a group, and in the charts of the core; they share the axes of the small bars."""
        return ()

    def headed(self, board: Board, group: Sequence[Entry]) -> tuple[str, str]:
        """What stands above the rows of a group: a title, and a note."""
        first, unit = group[0].row, board.suite.task.unit
        ranked = any(entry.row.rank_low is not None for entry in group)
        if first.completeness == "preview":
            reach = f", first {first.n:,} {unit}s" if ranked else ", not ranked"
            return f"Preview{reach}", f"{self.partly(board, first)}{APART if ranked else ''}"
        if not ranked:
            return "Full, not ranked", "Complete, but not comparable with the ranked rows: see the marks."
        return "Full", f"All {first.n:,} {unit}s{' of the test list' if board.suite.data.splits else ''}."

    def partly(self, board: Board, row: Row) -> str:
        """What it means that only part of what the suite asks for was run."""
        return f"Only part of the {row.planned:,} {board.suite.task.unit}s was run, so intervals are wide."

    # What else is shown

    def charts(self, name: str, board: Board) -> Charts:
        """The charts of a board; ``name`` makes the ids in their drawings unique on the page."""
        return Charts()

    def sections(self, board: Board, entry: Entry, page: OnPage) -> Sections:
        """What the page of a method shows of one row beside its numbers; by default its first examples one by one."""
        table = outcomes.table(board, entry, page.records)
        return Sections((table,) if table else ())

    def records(self, board: Board, entry: Entry) -> bytes:
        """All records of a row as CSV."""
        return downloads.records_csv(entry.parts)


APART = " Ranked among themselves, never with full rows."
DEFAULT = BoardView()


def view_of(suite: Suite) -> BoardView:
    """The view of the suite's task; the default one where it names none.

    Raises:
        PluginError: it cannot be imported, or is something else.
    """
    target = suite.task.view
    if not target:
        return DEFAULT
    try:
        view = loaded(target)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"task {suite.task.name}: view {target}: expected a BoardView, got {error}") from error
    if not isinstance(view, BoardView):
        raise PluginError(f"task {suite.task.name}: view {target}: expected a BoardView, got {type(view).__name__}")
    return view


def sizes(suite: Suite) -> FactWords:
    """The fact how many examples a suite has."""
    demo = f", the first {suite.size.demo:,} in the demo" if suite.size.demo else ""
    kind = f"test {suite.task.unit}s" if suite.data.splits else f"{suite.task.unit}s"
    return FactWords("Sizes", f"{suite.size.full:,} {kind} at full size{demo}")


def failures(suite: Suite) -> FactWords:
    """The fact what a failure of a method means."""
    return FactWords("If a method fails", FAILURES[suite.failures].format(unit=suite.task.unit))


def listed(value: object) -> tuple[str, ...]:
    """The texts of a card's list; a card of an imported file may hold anything."""
    return tuple(str(v) for v in value) if isinstance(value, list | tuple) else ()
