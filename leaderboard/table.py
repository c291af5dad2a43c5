"""Rows of a board as a table: grouped by what is ranked among itself, searchable, filterable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trustdm.bench.printable import printable
from trustdm.bench.summary.comparison import OPEN, SEPARATED, TIED
from trustdm.bench.summary.row import Row
from trustdm.leaderboard import cells as formats
from trustdm.leaderboard import chips, columns, names, text
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.boardview import listed, view_of
from trustdm.leaderboard.models import BaselineRow, Cell, Filter, Group, Option, Table, TableRow
from trustdm.leaderboard.scales import Scale

Ids = Mapping[str, Mapping[str, str]]
BARS = "The small bars have an axis for each column, from its least to its greatest value{log}; shares have 0 to 100%."
LOG = ", logarithmic where these differ more than tenfold"
COMPARED: dict[str, str] = {SEPARATED: "separated", TIED: "tied with the best", OPEN: "n too small to tell"}


def rank(row: Row) -> Cell:
    """The rank interval; for a preview it says among what, and for all but the best row how it compares with that."""
    if row.rank_low is None or row.rank_high is None:
        return Cell(text.DASH, "not ranked")
    of = f"of preview n={row.n}" if row.completeness == "preview" else ""
    against = COMPARED.get(row.comparison, row.comparison)
    return Cell(text.ranks(row.rank_low, row.rank_high), of, row.rank_low, note=against)


def variant(row: Row, title: str = "") -> str:
    """What tells a row from others of the same method: version, parameters, seed."""
    params, seed = names.params(row).replace(",", ", "), f"seed {row.seed}" if row.seed else ""
    return " · ".join(p for p in (title, f"v{row.method_version}", params, seed) if p)


def table(board: Board, tests: Sequence[str]) -> Table:
    """The whole table of a board."""
    suite = board.suite
    rows = [entry.row for entry in board.entries]
    filters = _filters(rows)
    ids = {f.name: {option.label: option.id for option in f.options} for f in filters}
    return Table(
        columns=columns.columns(suite, board),
        groups=tuple(_group(board, group, ids) for group in board.groups),
        filters=filters,
        toggles=columns.toggles(suite),
        total=len(rows),
        ranked_by=columns.label(suite, suite.ranking_metric),
        tests=tuple(tests),
        bars=_bars(board.scales),
        separable=_separable(board),
        compared=any(row.comparison for row in rows),
    )


def _separable(board: Board) -> tuple[str, ...]:
    """For each group that is ranked which differences its number of examples can tell apart."""
    suite, lines = board.suite, []
    unit = columns.unit(suite, suite.ranking_metric)
    for group in board.groups:
        row = group[0].row
        if row.separable is not None:
            lines.append(f"{formats.difference(unit, row.separable)} at n = {row.n:,} ({row.completeness})")
    return tuple(dict.fromkeys(lines))


def _bars(scales: Mapping[str, Scale]) -> str:
    return BARS.format(log=LOG if any(axis.log for axis in scales.values()) else "") if scales else ""


def _group(board: Board, group: Sequence[Entry], ids: Ids) -> Group:
    suite, view, first = board.suite, view_of(board.suite), group[0].row
    seed = f", seed {first.seed}" if len(suite.seeds) > 1 and first.rank_low is not None else ""
    title, note = view.headed(board, group)
    lines = view.baselines(board, group) if first.rank_low is not None else ()
    return Group(
        kind=first.completeness,
        title=title + seed,
        note=note,
        rows=tuple(_row(board, entry, ids) for entry in group),
        baselines=tuple(BaselineRow(it.name, it.note, columns.baseline_cells(board, it)) for it in lines),
    )


def _row(board: Board, entry: Entry, ids: Ids) -> TableRow:
    row, title = entry.row, names.title(entry.row)
    words = (
        row.method,
        title,
        entry.suffix,
        row.method_version,
        *listed(row.card.get("authors")),
        *_tags(row),
        *row.flags,
    )
    return TableRow(
        rank=rank(row),
        name=row.method,
        href=f"../methods/{text.slug(row.method)}.html",
        title=entry.name,
        variant=variant(row, row.method if title != row.method else ""),
        cells=columns.cells(board, entry),
        marks=chips.marks(row),
        flags=chips.flags(row, board.suite.task),
        caveat=row.caveat,
        search=" ".join(words).lower(),
        keys={name: " ".join(known[value] for value in _values(row, name)) for name, known in ids.items()},
    )


def _tags(row: Row) -> tuple[str, ...]:
    return listed(row.card.get("tags"))


def _values(row: Row, name: str) -> tuple[str, ...]:
    """What a row has to offer to the filter ``name``."""
    if name == "tag":
        return _tags(row)
    if name == "flag":
        return row.flags
    if name == "lab":
        return (printable(row.measured_by),)
    return (str(getattr(row, name)),)


def _filters(rows: Sequence[Row]) -> tuple[Filter, ...]:
    names = {"completeness": "Completeness", "origin": "Origin", "currency": "Currency", "lab": "Measured by"}
    names |= {"conformance": "Conformance", "flag": "Flag", "tag": "Tag"}
    filters = [Filter(name, label, options([_values(row, name) for row in rows])) for name, label in names.items()]
    alone = ("lab", "conformance")  # one lab, or one outcome: nothing to choose
    return tuple(f for f in filters if len(f.options) > (f.name in alone))


def options(values: Sequence[Iterable[str]]) -> tuple[Option, ...]:
    """The choices of a filter, from what each row has to offer to it."""
    counts = _count(value for offered in values for value in dict.fromkeys(offered))
    return tuple(Option(str(at), value, counts[value]) for at, value in enumerate(sorted(counts)))


def _count(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts
