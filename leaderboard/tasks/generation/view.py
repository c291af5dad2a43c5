"""The view of image generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, cast

from trustdm.bench import plugins
from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.errors import UnknownName
from trustdm.bench.registry import Registry
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.row import Row
from trustdm.bench.tasks.generation.metrics import floor_of
from trustdm.bench.tasks.generation.task import generation
from trustdm.bench.types import Estimate
from trustdm.leaderboard.boards import Board, Entry, Source
from trustdm.leaderboard.boardview import Baseline, BoardView, Charts, CostColumn, FactWords, Place
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.sections import OnPage, Sections
from trustdm.leaderboard.tasks.generation import charts, sections, words

REAL = "Held-out real images"


@dataclass(frozen=True)
class Extra:
    """The store, what held-out real images get by the number of images, and the extractor's card."""

    source: Source
    floors: Mapping[int, Estimate]
    extractor: ExtractorCard | None


class GenerationView(BoardView):
    """Columns of other numbers of steps are hidden at first, and so are costs: the table is wide without them."""

    costs_shown: ClassVar[bool] = False

    def load(self, source: Source, suite: Suite, rows: Sequence[Row]) -> Extra:
        """The floors for the sets of these rows, and for full ones."""
        sizes = {words.set_size(suite), *(words.set_size(suite, row) for row in rows)}
        floors = {size: floor_of(suite, size) for size in sorted(sizes)}
        return Extra(source, {size: floor for size, floor in floors.items() if floor}, _extractor(suite))

    def line(self, suite: Suite) -> str:
        return words.line(suite)

    def facts(self, board: Board) -> Sequence[FactWords]:
        return words.facts(board.suite, _extra(board).extractor, _floor(board))

    def card(self, card: Mapping[str, object]) -> Sequence[FactWords]:
        return words.card(card)

    def label(self, suite: Suite, metric: MetricSpec) -> str:
        return words.label(suite, metric)

    def describe(self, suite: Suite, metric: MetricSpec) -> str:
        return words.describe(suite, metric)

    def place(self, suite: Suite, metric: MetricSpec) -> Place:
        """Other numbers of steps come after the one that ranks."""
        ranks = metric.evaluation == suite.ranking_metric.evaluation
        return Place() if ranks else Place("more", "other step counts")

    def cell(self, board: Board, entry: Entry, metric: MetricSpec) -> Cell | None:
        """Network evaluations from the least to the most that an image took."""
        return sections.evaluations(board, entry, metric) if metric.statistic == words.EVALUATIONS else None

    def costs(self, suite: Suite) -> Sequence[CostColumn]:
        return (
            CostColumn("forwards", "Passes", "Images sent through networks for each image, over all evaluations"),
            CostColumn("device", "Device time", "Process or device time for each image"),
        )

    def baselines(self, board: Board, group: Sequence[Entry]) -> Sequence[Baseline]:
        """The distance of as many held-out real images as the sets of the group have."""
        floor = _floor(board, group[0].row)
        if floor is None:
            return ()
        distances = [m.name for m in board.suite.metrics if m.statistic == words.FRECHET]
        return (Baseline(REAL, f"the floor at n = {floor.n:,}", dict.fromkeys(distances, floor)),)

    def headed(self, board: Board, group: Sequence[Entry]) -> tuple[str, str]:
        title, note = super().headed(board, group)
        return (title, words.headed(board.suite)) if title == "Full" else (title, note)

    def partly(self, board: Board, row: Row) -> str:
        return words.partly(board.suite, row)

    def charts(self, name: str, board: Board) -> Charts:
        return Charts(charts.board_charts(name, board, _floor(board)))

    def sections(self, board: Board, entry: Entry, page: OnPage) -> Sections:
        return sections.sections(_extra(board).source, board, entry, page)

    def records(self, board: Board, entry: Entry) -> bytes:
        return sections.records_csv(entry)


def _extra(board: Board) -> Extra:
    return cast("Extra", board.extra)


def _floor(board: Board, row: Row | None = None) -> Estimate | None:
    """The floor for the sets of a row, or for those of a full one."""
    return _extra(board).floors.get(words.set_size(board.suite, row))


def _extractor(suite: Suite) -> ExtractorCard | None:
    """The card of the suite's extractor; None where no plugin of that name is installed."""
    try:
        card = _registry().get("extractor", generation(suite).extractor).card
    except UnknownName:
        return None
    return card if isinstance(card, ExtractorCard) else None


@cache
def _registry() -> Registry:
    return plugins.load().registry


VIEW = GenerationView()
