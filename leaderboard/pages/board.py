"""The pages of the index and of the suites as page models."""

from __future__ import annotations

from collections.abc import Sequence

from trustdm.bench.suite.load import Suite
from trustdm.bench.summary import rows as summary
from trustdm.leaderboard import chips as marks
from trustdm.leaderboard import columns, text
from trustdm.leaderboard import table as tables
from trustdm.leaderboard import words as tasks
from trustdm.leaderboard.boards import Board, Entry, Site
from trustdm.leaderboard.models import Bar, Cell, Chip, IndexPage, Key, Link, Standing, SuiteCard, SuitePage
from trustdm.leaderboard.pages import reported as reportedviews
from trustdm.leaderboard.pages.common import REPORTED, method_path, page, suite_path
from trustdm.leaderboard.svg import Chart
from trustdm.leaderboard.tasks.certification import charts as radii
from trustdm.leaderboard.tasks.generation import charts as curves
from trustdm.leaderboard.tasks.robustness import charts

EXAMPLE = Cell("61.2%", "[58.1, 64.2]", 0.612, Bar(58.1, 61.2, 64.2))


def index_page(site: Site) -> IndexPage:
    """The front page."""
    head = page("trustdm", "Leaderboards for trustworthy diffusion models: measured, resumable, traceable", site)
    cards = tuple(_card(board) for board in site.boards)
    published = REPORTED if site.reported else ""
    return IndexPage(head, _stats(site), cards, EXAMPLE, marks.legend(), published)


def _stats(site: Site) -> tuple[tuple[str, str], ...]:
    """The size of what is stored."""
    parts = [part for board in site.boards for entry in board.entries for part in entry.parts]
    counted = {"boards": len(site.boards), "methods": len(site.methods())}
    counted["records stored"] = sum(len(part.result.records) for part in parts)
    return tuple((f"{number:,}", label) for label, number in counted.items())


def _card(board: Board) -> SuiteCard:
    suite, rows = board.suite, [entry.row for entry in board.entries]
    current = [row for row in rows if row.currency == "current"]
    full = {row.method for row in current if row.completeness == "full"}
    preview = {row.method for row in current if row.completeness == "preview"}
    stamps = [block.finished for e in board.entries for part in e.parts for block in part.blocks]
    return SuiteCard(
        title=suite.title,
        href=suite_path(suite),
        version=f"version {suite.version}",
        about=tasks.line(suite),
        tested=None if board.tested else marks.UNTESTED,
        metric=columns.label(suite, suite.ranking.metric),
        full=len(full),
        preview=len(preview),
        best=_best(board),
        when=text.day(max(stamps, default="")),
        reported=len(board.reported),
    )


def _best(board: Board) -> Standing | None:
    """The full, current row with the best value that was ranked."""
    metric = next(m for m in board.suite.metrics if m.name == board.suite.ranking.metric)
    for entry in board.entries:
        row = entry.row
        if row.completeness == "full" and row.rank_low is not None and metric.name in row.metrics:
            cell = columns.without_note(columns.value(metric, row.metrics[metric.name]))
            return Standing(entry.name, method_path(row.method), cell, tasks.floor_line(board.floor()))
    return None


def suite_page(site: Site, board: Board, run_files: Sequence[Link]) -> SuitePage:
    """The page of one board."""
    suite = board.suite
    rows = [entry.row for entry in board.entries]
    tests = [f"{row.rank_group}: {row.rank_test}" for row in rows if row.rank_test]
    name = text.slug(suite.name)
    drawn, keys = _charts(name, board)
    return SuitePage(
        page=page(suite.title, suite.description or tasks.line(suite), site, root="../", here=suite),
        name=suite.name,
        version=f"{suite.name}, version {suite.version}",
        lead=suite.description or tasks.line(suite),
        tested=None if board.tested else marks.UNTESTED,
        facts=tasks.facts(suite, board.extractor, board.floor()),
        metrics=tuple((columns.label(suite, m.name), columns.describe(suite, m) + ".") for m in columns.shown(suite)),
        table=tables.table(board, tuple(dict.fromkeys(tests))),
        charts=drawn,
        legend=_legend(board),
        downloads=_downloads(name, board),
        run_files=tuple(run_files),
        reported=reportedviews.on_board(board),
        keys=keys,
    )


def _downloads(name: str, board: Board) -> tuple[Link, ...]:
    found = (Link("Table as CSV", f"../data/{name}.csv"), Link("Table as JSON", f"../data/{name}.json"))
    return (*found, Link("Reported rows as JSON", f"../data/reported/{name}.json")) if board.reported else found


def _legend(board: Board) -> tuple[Chip, ...]:
    """The chips that the table shows, each once, the flags last."""
    task = tasks.kind(board.suite)
    shown = [chip for entry in board.entries for chip in marks.marks(entry.row, entry.imported)]
    shown += [chip for entry in board.entries for chip in marks.flags(entry.row, task)]
    return tuple({chip.label: chip for chip in shown}.values())


def _charts(name: str, board: Board) -> tuple[tuple[Chart, ...], tuple[Key, ...]]:
    """The charts of a board, and the legend that they share if they do."""
    if board.suite.certification is not None:
        return radii.board_charts(name, board)
    if board.suite.generation is not None:
        return curves.board_charts(name, board), ()
    return (charts.board_charts(name, _lines(board.suite, board.entries)) if board.suite.adversary else ()), ()


def _lines(suite: Suite, entries: Sequence[Entry]) -> list[charts.Line]:
    """The survival curves of the current rows under the evaluation that ranks them."""
    evaluation = next(m.evaluation for m in suite.metrics if m.name == suite.ranking.metric)
    lines = []
    for entry in entries:
        found = [part.result for part in entry.parts if part.evaluation == evaluation]
        if entry.row.currency == "current" and found:
            points = tuple(summary.curve(suite, found[0]))
            lines.append(charts.Line(entry.name, entry.row.completeness == "preview", points))
    return lines
