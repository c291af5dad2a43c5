"""The columns of a board, and the values of a row as cells of text: shared by the pages of suites and of methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trustdm.bench.printable import printable
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.tasks.contract import Unit
from trustdm.bench.types import Estimate
from trustdm.leaderboard import cells as formats
from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.boardview import Baseline, CostColumn, view_of
from trustdm.leaderboard.cells import NOTHING
from trustdm.leaderboard.models import Cell, Column, Toggle
from trustdm.leaderboard.scales import Scale

SWITCHES = 8
"""As many switches as the style sheet knows; further ones share the last."""
COST = "cost"


def shown(suite: Suite) -> tuple[MetricSpec, ...]:
    """The metrics in the order of the columns: the main ones first."""
    view = view_of(suite)
    return tuple(sorted(suite.metrics, key=lambda metric: view.place(suite, metric).kind != "main"))


def columns(suite: Suite, board: Board | None = None) -> tuple[Column, ...]:
    """The columns of a board: its metrics, then the costs; of a ``board`` with rows those costs that tell something."""
    view, switches = view_of(suite), _switches(suite)
    heads = []
    for metric in shown(suite):
        place = view.place(suite, metric)
        better = "down" if metric.direction == "lower" else "up"
        hint = view.describe(suite, metric)
        switch = _switch_name(switches, place.switch) if place.switch else ""
        heads.append(Column(metric.name, label(suite, metric), hint, place.kind, better, switch))
    costs = [Column(c.name, c.label, c.hint, COST, "down", COST) for c in _cost_columns(suite, board)]
    unit = suite.task.unit.capitalize()
    return (*heads, *costs, Column("n", f"{unit}s", f"{unit}s run, of those of a full run", "count"))


def toggles(suite: Suite) -> tuple[Toggle, ...]:
    """The switches for columns, those of costs last."""
    labels: dict[str, list[str]] = {}
    switches = _switches(suite)
    for words in switches:
        labels.setdefault(_switch_name(switches, words), []).append(words)
    hidden = (Toggle(name, ", ".join(words), shown=False) for name, words in labels.items())
    return (*hidden, Toggle(COST, "cost", shown=view_of(suite).costs_shown))


def _switches(suite: Suite) -> list[str]:
    """The words of the switches of metrics, in the order of the suite."""
    view = view_of(suite)
    return [words for words in dict.fromkeys(view.place(suite, m).switch for m in suite.metrics) if words]


def _switch_name(switches: Sequence[str], words: str) -> str:
    return f"switch-{min(switches.index(words), SWITCHES - 1) + 1}"


def label(suite: Suite, metric: MetricSpec) -> str:
    """What a metric is called on the pages."""
    words = view_of(suite).label(suite, metric)
    return (words[0].upper() if words[0].isascii() else words[0]) + words[1:]


def unit(suite: Suite, metric: MetricSpec) -> Unit:
    """The unit of a metric."""
    statistic = suite.task.metric(metric.statistic)
    return statistic.unit if statistic else "count"


def axes(board: Board) -> dict[str, Scale]:
    """For each metric that has an axis of its own the one of its bars: all intervals of the board fit on it."""
    baselines = [line for group in board.groups for line in view_of(board.suite).baselines(board, group)]
    named = {}
    for metric in board.suite.metrics:
        values = [e.row.metrics[metric.name] for e in board.entries if metric.name in e.row.metrics]
        values += [line.values[metric.name] for line in baselines if metric.name in line.values]
        if (axis := formats.axis(unit(board.suite, metric), values)) is not None:
            named[metric.name] = axis
    return named


def cells(board: Board, entry: Entry) -> tuple[Cell, ...]:
    """The cells of ``columns``, in their order; that of the ranking metric says what a mean was taken over, or
    by whom it fell."""
    suite, view, row = board.suite, view_of(board.suite), entry.row
    shown_cells = []
    for metric in shown(suite):
        own = view.cell(board, entry, metric)
        if own is None:
            cell = value(board, metric, row.metrics.get(metric.name))
            own = cell if metric.name == suite.ranking.metric else formats.without_note(cell)
            if metric.name == suite.ranking.metric and any(metric.name in r.lowers for r in row.further):
                own = replace(own, note=printable(row.metrics[metric.name].detail))
        shown_cells.append(own)
    return (*shown_cells, *_costs(board, entry))


def baseline_cells(board: Board, line: Baseline) -> tuple[Cell, ...]:
    """The cells of a line that is no method."""
    shown_cells = [value(board, metric, line.values.get(metric.name)) for metric in shown(board.suite)]
    return (*shown_cells, *(Cell("") for _ in columns(board.suite, board)[len(shown_cells) :]))


def value(board: Board, metric: MetricSpec, estimate: Estimate | None) -> Cell:
    """An estimate in the unit and on the axis of a metric; a dash where there is none."""
    return formats.value(unit(board.suite, metric), estimate, board.scales.get(metric.name))


def _cost_columns(suite: Suite, board: Board | None) -> list[CostColumn]:
    view = view_of(suite)
    return [column for column in view.costs(suite) if board is None or view.cost_tells(board, column)]


def _costs(board: Board, entry: Entry) -> tuple[Cell, ...]:
    view, row, each = view_of(board.suite), entry.row, f"per {board.suite.task.unit}"
    shown_cells = []
    for column in _cost_columns(board.suite, board):
        amount = view.cost(entry, column)
        if amount is None:
            shown_cells.append(NOTHING)
            continue
        words = text.duration(amount) if column.name == "device" else text.count(amount)
        shown_cells.append(Cell(words, each, amount))
    return (*shown_cells, Cell(f"{row.n:,}", f"of {row.planned:,}", row.n))
