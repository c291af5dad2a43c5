"""The view of certified robustness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.boardview import BoardView, Charts, CostColumn, FactWords, Place
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.sections import OnPage, Sections
from trustdm.leaderboard.tasks.certification import charts, noise, sections, words


class CertificationView(BoardView):
    """A switch for the columns of each noise level but the one that ranks."""

    def line(self, suite: Suite) -> str:
        return words.line(suite)

    def facts(self, board: Board) -> Sequence[FactWords]:
        return words.facts(board.suite)

    def card(self, card: Mapping[str, object]) -> Sequence[FactWords]:
        return words.card(card)

    def describe(self, suite: Suite, metric: MetricSpec) -> str:
        return words.describe(suite, metric)

    def place(self, suite: Suite, metric: MetricSpec) -> Place:
        sigma = noise.sigma_of(suite, metric.evaluation)
        ranks = sigma == noise.sigma_of(suite, suite.ranking_metric.evaluation)
        return Place() if ranks else Place("more", f"σ {sigma}")

    def cell(self, board: Board, entry: Entry, metric: MetricSpec) -> Cell | None:
        """Draws say how many times fewer they are than a fixed number."""
        is_draws = metric.statistic == words.DRAWS
        return sections.drawn(board.suite, entry.row.metrics.get(metric.name)) if is_draws else None

    def costs(self, suite: Suite) -> Sequence[CostColumn]:
        hint = "Noisy images sent forward for each image, over all evaluations together"
        return (
            CostColumn("forwards", "Forward", hint),
            CostColumn("device", "Device time", "Process or device time for each image"),
        )

    def charts(self, name: str, board: Board) -> Charts:
        return Charts(*charts.board_charts(name, board))

    def sections(self, board: Board, entry: Entry, page: OnPage) -> Sections:
        return sections.sections(board, entry, page)

    def records(self, board: Board, entry: Entry) -> bytes:
        return sections.records_csv(board.suite, entry)


VIEW = CertificationView()
