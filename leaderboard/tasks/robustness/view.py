"""The view of adversarial robustness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.row import Row
from trustdm.bench.tasks.robustness.metrics import passes_an_image
from trustdm.bench.tasks.robustness.task import ADAPTIVE
from trustdm.leaderboard import downloads
from trustdm.leaderboard.boards import Board, Entry, Source
from trustdm.leaderboard.boardview import BoardView, Charts, CostColumn, FactWords, Place
from trustdm.leaderboard.sections import OnPage, Sections
from trustdm.leaderboard.tasks.robustness import charts, sections, sweeps, words

PASSES = "passes"
PASSES_HINT = (
    "Network evaluations that classify one clean image: a purifier's cost. A module counts as one network unless a "
    "part of it is run more often than itself, so one step of purification inside one module is not seen"
)


class RobustnessView(BoardView):
    """Attacks one by one are parts of their evaluation; the pictures of attacked images are read when shown."""

    def load(self, source: Source, suite: Suite, rows: Sequence[Row]) -> Source:
        """The store, to read the images of one row at a time."""
        return source

    def line(self, suite: Suite) -> str:
        return words.line(suite)

    def facts(self, board: Board) -> Sequence[FactWords]:
        return words.facts(board.suite)

    def card(self, card: Mapping[str, object]) -> Sequence[FactWords]:
        return words.card(card)

    def label(self, suite: Suite, metric: MetricSpec) -> str:
        return words.label(metric)

    def describe(self, suite: Suite, metric: MetricSpec) -> str:
        return words.describe(suite, metric)

    def place(self, suite: Suite, metric: MetricSpec) -> Place:
        """One attack of an evaluation that has a column for all of them is a part."""
        whole = {m.evaluation for m in suite.metrics if not m.probe}
        of_one = bool(metric.probe or metric.params.get("attack"))
        if metric.name == suite.ranking.metric or not of_one or metric.evaluation not in whole:
            return Place()
        return Place("part", "each attack")

    def costs(self, suite: Suite) -> Sequence[CostColumn]:
        return (
            CostColumn(PASSES, "Passes", PASSES_HINT),
            CostColumn("forwards", "Forward", "Images sent forward for each example, as counted"),
            CostColumn("gradients", "Gradient", "Images a gradient was taken for, for each example"),
            CostColumn("device", "Device time", "Process or device time for each example"),
        )

    def cost(self, entry: Entry, column: CostColumn) -> float | None:
        """The passes of an image are counted by the evaluation of clean images."""
        if column.name != PASSES:
            return super().cost(entry, column)
        counted = [each for part in entry.parts if (each := passes_an_image(part.view)) is not None]
        return counted[0] if counted else None

    def cost_tells(self, board: Board, column: CostColumn) -> bool:
        """Classifiers take one pass; the column is for boards with a method that takes more."""
        return column.name != PASSES or any((self.cost(entry, column) or 0.0) > 1 for entry in board.entries)

    def charts(self, name: str, board: Board) -> Charts:
        spec = board.suite.evaluations[board.suite.ranking_metric.evaluation]
        drawn = charts.board_charts(name, charts.lines(board), in_turn=spec.protocol != ADAPTIVE)
        return Charts((*sweeps.sweep_charts(name, board), *drawn))

    def sections(self, board: Board, entry: Entry, page: OnPage) -> Sections:
        return sections.sections(board, entry, page)

    def records(self, board: Board, entry: Entry) -> bytes:
        return downloads.records_csv(entry.parts, value="margin")


VIEW = RobustnessView()
