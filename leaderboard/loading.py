"""Reads the store once and sums it up: boards from cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trustdm.bench import reported, studies
from trustdm.bench.errors import SuiteError
from trustdm.bench.plugins import stored_suite
from trustdm.bench.records import CellResult
from trustdm.bench.reported import ReportedRow
from trustdm.bench.store.rows import BlockRow, CellRow
from trustdm.bench.studies import Study
from trustdm.bench.suite.load import Suite, shipped
from trustdm.bench.summary import rows as summary
from trustdm.bench.summary.cache import FactsCache
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.row import Row
from trustdm.leaderboard import columns, names
from trustdm.leaderboard.boards import Board, Entry, Part, Site, Source
from trustdm.leaderboard.boardview import view_of


def load(store: Source, suites: Sequence[Suite], cache: FactsCache | None = None) -> Site:
    """Everything the pages of ``suites`` show; what is summed up is looked up in ``cache`` first.

    Raises:
        StoreError: the store cannot be read.
        SuiteError: a file of published numbers, or of a study, is wrong.
        PluginError: the view of a task cannot be used.
    """
    published = {name: reported.reported(name) for name in reported.suites()}
    known = FactsCache(None) if cache is None else cache
    boards = tuple(board_of(store, suite, published.get(suite.name, ()), known) for suite in suites)
    return Site(boards, {run.id: run for run in store.runs()}, published, studies_of(suites))


def studies_of(suites: Sequence[Suite]) -> tuple[Study, ...]:
    """The studies all of whose suites are among these."""
    by_name = {suite.name: suite for suite in suites}
    asked = [studies.load_study(name) for name in studies.names()]
    there = tuple(study for study in asked if {study.x.suite, study.y.suite} <= set(by_name))
    for study in there:
        studies.check(study, by_name)
    return there


def stored(store: Source, suites: Sequence[Suite]) -> tuple[list[Suite], tuple[str, ...]]:
    """The suites that the store has results of and that are neither among ``suites`` nor shipped, each as its newest
    cell has it; and the names of those with results that get no page: unreadable (their task is not installed, say),
    or shipped but not asked for.

    Raises:
        StoreError: the store cannot be read.
    """
    listed = {suite.name for suite in suites}
    others = sorted({held.suite for held in store.contents()} - listed)
    known = {name: None if name in shipped() else _readable(name, _newest(store, name)) for name in others}
    return [suite for suite in known.values() if suite], tuple(name for name, suite in known.items() if not suite)


def _newest(store: Source, name: str) -> str:
    """The content of a suite as its newest cell that holds something has it."""
    filled = {held.id for held in store.contents()}
    content = [cell.suite_content for cell in store.cells(suite=name) if cell.id in filled]
    return content[-1] if content else ""  # not one of its cells can be read


def _readable(name: str, content: str) -> Suite | None:
    """The suite of that name; None where its content is of another version of this package, or was damaged."""
    try:
        suite = stored_suite(content, f"suite {name} in the database")
    except SuiteError:
        return None
    return suite if suite.name == name else None


def board_of(store: Source, suite: Suite, published: tuple[ReportedRow, ...], cache: FactsCache) -> Board:
    """The board of a suite."""
    held = _Held(store.cells(suite=suite.name), store.results(suite.name), store.blocks_of(suite.name))
    return _board(store, suite, published, cache, held)


def boards_of_method(store: Source, suites: Sequence[Suite], cache: FactsCache, method: str) -> list[Board]:
    """The boards of those suites that have rows of a method, with these rows alone; ranks are among themselves."""
    cells, results, blocks = store.cells(method=method), store.results(None, method), store.blocks_of(None, method)
    boards = []
    for suite in suites:
        own = [cell for cell in cells if cell.identity.suite == suite.name]
        if own:
            held = _Held(own, [r for r in results if r.identity.suite == suite.name], blocks)
            boards.append(_board(store, suite, (), cache, held))
    return boards


@dataclass(frozen=True)
class _Held:
    """What the store has for a board."""

    cells: list[CellRow]
    results: list[CellResult]
    blocks: dict[int, tuple[BlockRow, ...]]


def _board(store: Source, suite: Suite, published: tuple[ReportedRow, ...], cache: FactsCache, held: _Held) -> Board:
    cells = {cell.id: cell for cell in held.cells}
    results = [result for result in held.results if result.id in cells]
    rows = summary.rows(suite, results, cache.of(suite, results))
    parts = {r.id: Part(CellView(suite, r), cells[r.id], held.blocks.get(r.id, ())) for r in results}
    board = Board(suite, _entries(suite, rows, parts), reported=published)
    board = replace(board, extra=view_of(suite).load(store, suite, rows))
    return replace(board, scales=columns.axes(board))


def _entries(suite: Suite, rows: Sequence[Row], parts: dict[int, Part]) -> tuple[Entry, ...]:
    """The entries of rows; one that could not be summed up has no parts, so that no page looks at its cells again."""
    order = {name: at for at, name in enumerate(suite.evaluations)}
    owned = [
        sorted((parts[i] for i in row.cells if not row.broken), key=lambda p: order.get(p.evaluation, len(order)))
        for row in rows
    ]
    named = [_named(row, parts[row.cells[0]].cell) for row in rows]
    called = zip(rows, owned, names.suffixes(named), strict=True)
    return tuple(Entry(row, tuple(own), suffix) for row, own, suffix in called)


def _named(row: Row, cell: CellRow) -> names.Named:
    return names.Named(row, names.weights(cell.identity.weights) or cell.state_digest or "")
