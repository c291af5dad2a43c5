"""Published numbers as page models: beside a board's measured rows, and all of them on a page of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trustdm.bench.reported import ReportedRow
from trustdm.leaderboard import chips, text
from trustdm.leaderboard import table as tables
from trustdm.leaderboard.boards import Board, Site
from trustdm.leaderboard.models import Cell, Filter, Link, ReportedGroup, ReportedLine, ReportedPage, ReportedTable
from trustdm.leaderboard.pages.common import REPORTED, page, suite_path

NOT_SAID = "not said"
FILTERS = {"data": "Data", "system": "System", "metric": "Metric", "flag": "Flag"}
Ids = Mapping[str, Mapping[str, str]]
Members = tuple[str, str, Sequence[ReportedRow]]
"""A title, the address of a board, and the rows of one source and protocol."""


def on_board(board: Board) -> ReportedTable | None:
    """The published numbers beside a board; None where there are none."""
    if not board.reported:
        return None
    groups = _groups(board.reported, "", "")
    return _table(groups, {board.suite.name: board}, f"Published numbers, {board.suite.title}")


def reported_page(site: Site) -> ReportedPage:
    """The page of all published numbers, each suite's together."""
    boards = {board.suite.name: board for board in site.boards}
    groups = []
    for name, rows in site.reported.items():
        path = suite_path(boards[name].suite) if name in boards else ""
        groups += _groups(rows, rows[0].title, path)
    links = tuple(Link(f"{name}.json", f"data/reported/{text.slug(name)}.json") for name in site.reported)
    said = "What others reported, with sources and doubts; none of it was measured here"
    head = page("Published numbers", said, site, here=REPORTED)
    return ReportedPage(head, _table(groups, boards, "All published numbers"), links)


def _groups(rows: Sequence[ReportedRow], title: str, path: str) -> list[Members]:
    """Rows of one source and protocol together, in the order of the file."""
    by_source: dict[object, list[ReportedRow]] = {}
    for row in rows:
        by_source.setdefault((row.source, row.protocol), []).append(row)
    return [(title, path, members) for members in by_source.values()]


def _table(groups: Sequence[Members], boards: Mapping[str, Board], name: str) -> ReportedTable:
    rows = [row for _, _, members in groups for row in members]
    every = [Filter(key, label, tables.options([_values(row, key) for row in rows])) for key, label in FILTERS.items()]
    filters = tuple(f for f in every if len(f.options) > 1)
    ids = {f.name: {option.label: option.id for option in f.options} for f in filters}
    shown = tuple(_group(group, ids, boards) for group in groups)
    return ReportedTable(
        name=name,
        groups=shown,
        filters=filters,
        total=len(rows),
        legend=chips.reported([flag for row in rows for flag in row.flags]),
        deltas=any(line.delta for group in shown for line in group.lines),
        whose=len({row.data for row in rows}) > 1,
    )


def _group(group: Members, ids: Ids, boards: Mapping[str, Board]) -> ReportedGroup:
    title, path, rows = group
    source, said = rows[0].source, dict(rows[0].protocol)
    terms = tuple((name, words or NOT_SAID) for name, words in said.items()) if any(said.values()) else ()
    lines = tuple(_line(row, ids, boards.get(row.suite)) for row in rows)
    return ReportedGroup(source.citation, source.where, text.safe_url(source.url) or "", terms, title, path, lines)


def _line(row: ReportedRow, ids: Ids, board: Board | None) -> ReportedLine:
    remark = " ".join(part for part in (row.says and f"Says: {row.says}", row.note) if part)
    words = (row.system, row.told, row.data, row.words, row.source.citation, remark, *row.flags)
    return ReportedLine(
        system=row.system,
        variant=row.told,
        data=row.data,
        metric=row.words,
        value=Cell(row.printed or text.DASH, sort=None if row.value is None else float(row.value)),
        n=Cell(f"{row.n:,}" if row.n else NOT_SAID, sort=row.n),
        cost=Cell(row.cost or text.DASH, sort=row.cost_sort),
        delta=_delta(row, board),
        note=remark,
        flags=chips.reported(row.flags),
        search=" ".join(words).lower(),
        keys={name: " ".join(known[value] for value in _values(row, name)) for name, known in ids.items()},
    )


def _values(row: ReportedRow, name: str) -> tuple[str, ...]:
    """What a row has to offer to the filter ``name``."""
    if name == "flag":
        return row.flags
    return (row.words,) if name == "metric" else (str(getattr(row, name)),)


def _delta(row: ReportedRow, board: Board | None) -> str:
    """What was measured here less what was published, where the file says that system and protocol are the same."""
    if row.measured is None or row.value is None or board is None:
        return ""
    for entry in board.entries:
        it = entry.row
        same = it.method == row.measured.method and dict(it.shown) == row.measured.params
        ours = it.metrics.get(row.measured.metric)
        if same and it.currency == "current" and it.completeness == "full" and ours is not None:
            return text.signed(ours.value - float(row.value))
    return ""
