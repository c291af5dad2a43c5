"""The page of a board as a page model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trustdm.bench.scrub import reason
from trustdm.leaderboard import chips, columns, table, text
from trustdm.leaderboard.boards import Board, Entry, Site
from trustdm.leaderboard.boardview import BoardView, Charts, view_of
from trustdm.leaderboard.models import Chip, Link, SuitePage
from trustdm.leaderboard.pages import reported
from trustdm.leaderboard.pages.common import page, worded


def suite_page(site: Site, board: Board, run_files: Sequence[Link], lost: list[str] | None = None) -> SuitePage:
    """The page of one board; ``lost`` takes a line for each row that its charts cannot show."""
    suite, view = board.suite, view_of(board.suite)
    rows = [entry.row for entry in board.entries]
    tests = [f"{row.rank_group}: {row.rank_test}" for row in rows if row.rank_test]
    name = text.slug(suite.name)
    charts = _charts(name, board, [] if lost is None else lost)
    lead = suite.description or view.line(suite)
    return SuitePage(
        page=page(suite.title, lead, site, root="../", here=suite),
        name=suite.name,
        version=f"{suite.name}, version {suite.version}",
        lead=lead,
        tested=None if board.tested else chips.UNTESTED,
        facts=worded(view.facts(board)),
        metrics=tuple((columns.label(suite, m), view.describe(suite, m) + ".") for m in columns.shown(suite)),
        table=table.table(board, tuple(dict.fromkeys(tests))),
        charts=charts.charts,
        legend=_legend(board),
        downloads=_downloads(name, board),
        run_files=tuple(run_files),
        reported=reported.on_board(board),
        keys=charts.keys,
    )


def _charts(name: str, board: Board, lost: list[str]) -> Charts:
    """The charts of a board. Where one of its rows cannot be drawn, those of the others."""
    view = view_of(board.suite)
    try:
        return view.charts(name, board)
    except Exception as error:  # whatever is stored may be a stranger's: it costs its row, not the site
        why = {entry.row.cells: _undrawn(view, name, board, entry) for entry in board.entries}
        kept = tuple(entry for entry in board.entries if not why[entry.row.cells])
        if len(kept) == len(board.entries):  # not one of the rows by itself: a bug of ours
            lost.append(f"{board.suite.name}: charts: {reason(error)}")
            return Charts()
    lost += [f"{board.suite.name}: charts, cell {cells[-1]}: {words}" for cells, words in why.items() if words]
    return _charts(name, replace(board, entries=kept), lost)


def _undrawn(view: BoardView, name: str, board: Board, entry: Entry) -> str:
    """Why a row cannot be drawn; empty where it can."""
    try:
        view.charts(name, replace(board, entries=(entry,)))
        return ""
    except Exception as error:  # as above
        return reason(error)


def _downloads(name: str, board: Board) -> tuple[Link, ...]:
    links = (Link("Table as CSV", f"../data/{name}.csv"), Link("Table as JSON", f"../data/{name}.json"))
    return (*links, Link("Reported rows as JSON", f"../data/reported/{name}.json")) if board.reported else links


def _legend(board: Board) -> tuple[Chip, ...]:
    """The chips that the table shows, each once, the flags last."""
    shown = [chip for entry in board.entries for chip in chips.marks(entry.row)]
    shown += [chip for entry in board.entries for chip in chips.flags(entry.row, board.suite.task)]
    return tuple({chip.label: chip for chip in shown}.values())
