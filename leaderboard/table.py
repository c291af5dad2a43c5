"""Rows of a board as a table: grouped by what is ranked among itself, searchable, filterable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.rows import Row
from trustdm.bench.types import Estimate
from trustdm.leaderboard import chips as marks
from trustdm.leaderboard import columns, names, text
from trustdm.leaderboard import words as tasks
from trustdm.leaderboard.boards import Board, Entry, set_size
from trustdm.leaderboard.columns import FRECHET, NOTHING, Axes
from trustdm.leaderboard.models import Cell, Filter, Group, Option, Table, TableRow, Toggle
from trustdm.leaderboard.tasks.certification import noise

Ids = Mapping[str, Mapping[str, str]]
TOGGLES = {"attack": "each attack", "more": "other evaluations"}
STEPS = "other step counts"
BARS = "The small bars have an axis for each column, from its least to its greatest value{log}; shares have 0 to 100%."
LOG = ", logarithmic where these differ more than tenfold"


def rank(row: Row) -> Cell:
    """The rank interval; for a preview it says among what."""
    if row.rank_low is None or row.rank_high is None:
        return Cell(text.DASH, "not ranked")
    of = f"of preview n={row.n}" if row.completeness == "preview" else ""
    return Cell(text.ranks(row.rank_low, row.rank_high), of, row.rank_low)


def variant(row: Row, title: str = "") -> str:
    """What tells a row from others of the same method: version, parameters, seed."""
    params, seed = names.params(row).replace(",", ", "), f"seed {row.seed}" if row.seed else ""
    return " · ".join(p for p in (title, f"v{row.method_version}", params, seed) if p)


def texts(value: object) -> tuple[str, ...]:
    """The texts of a card's list; a card of an imported file may hold anything."""
    return tuple(str(v) for v in value) if isinstance(value, list | tuple) else ()


def table(board: Board, tests: Sequence[str]) -> Table:
    """The whole table of a board."""
    suite, entries = board.suite, board.entries
    rows = [entry.row for entry in entries]
    filters = _filters(rows)
    ids = {f.name: {option.label: option.id for option in f.options} for f in filters}
    grouped: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        grouped.setdefault((entry.row.completeness, entry.row.rank_group), []).append(entry)
    heads = columns.columns(suite)
    return Table(
        columns=heads,
        groups=tuple(_group(board, members, ids) for members in grouped.values()),
        filters=filters,
        toggles=_toggles(suite, {head.group for head in heads}),
        total=len(rows),
        ranked_by=columns.label(suite, suite.ranking.metric),
        tests=tuple(tests),
        bars=_bars(board.scales),
    )


def _toggles(suite: Suite, groups: set[str]) -> tuple[Toggle, ...]:
    names = TOGGLES | ({"more": STEPS} if suite.generation else {})
    found = [Toggle(name, label, shown=False) for name, label in names.items() if name in groups]
    if suite.certification is not None:
        found = _sigmas(suite)
    return (*found, Toggle("cost", "cost", shown=suite.generation is None))


def _sigmas(suite: Suite) -> list[Toggle]:
    """A switch for the columns of each sigma but the one that ranks."""
    found: dict[str, list[str]] = {}
    for metric in suite.metrics:
        name, sigma = columns.switch(suite, metric), noise.sigma_of(suite, metric.evaluation)
        if name.startswith("more") and f"σ {sigma}" not in found.setdefault(name, []):
            found[name].append(f"σ {sigma}")
    return [Toggle(name, ", ".join(labels), shown=False) for name, labels in sorted(found.items())]


def _bars(scales: Axes) -> str:
    return BARS.format(log=LOG if any(axis.log for axis in scales.values()) else "") if scales else ""


def _group(board: Board, entries: Sequence[Entry], ids: Ids) -> Group:
    suite, scales, first = board.suite, board.scales, entries[0].row
    seed = f", seed {first.seed}" if len(suite.seeds) > 1 and first.rank_low is not None else ""
    made = tuple(_row(suite, entry, ids, scales) for entry in entries)
    title, note = _headed(suite, first)
    floor = board.floor(first) if first.rank_low is not None else None
    shown = () if floor is None else _floor_cells(suite, floor, scales)
    of = f"the floor at n = {floor.n:,}" if floor else ""
    return Group(first.completeness, title + seed, note, made, shown, of)


def _headed(suite: Suite, first: Row) -> tuple[str, str]:
    """What stands above the rows of a group."""
    ranked = first.rank_low is not None
    if first.completeness == "preview":
        reach = f", first {first.n:,} {tasks.unit(suite)}s" if ranked else ", not ranked"
        apart = " Ranked among themselves, never with full rows." if ranked else ""
        return f"Preview{reach}", _preview_note(suite, first) + apart
    if not ranked:
        return "Full, not ranked", "Complete, but not comparable with the ranked rows: see the marks."
    if suite.generation is None:
        return "Full", f"All {first.n:,} {tasks.unit(suite)}s of the test list."
    sets = suite.size.full // suite.generation.set
    of = "in one set" if sets == 1 else f"in {sets} sets of {suite.generation.set:,}; a distance is the mean over these"
    return "Full", f"{first.n:,} images, {of}. {columns.WAYS[_ranking_direction(suite)]}."


def _preview_note(suite: Suite, first: Row) -> str:
    if suite.generation is None:
        return f"Only part of the {first.planned:,} {tasks.unit(suite)}s was run, so intervals are wide."
    if set_size(suite, first) < suite.generation.set:
        return f"Fewer images than a set of {suite.generation.set:,}: the distances are larger for that reason alone."
    return f"Only part of the {first.planned:,} images was made, so intervals are wide."


def _ranking_direction(suite: Suite) -> str:
    return next(m.direction for m in suite.metrics if m.name == suite.ranking.metric)


def _floor_cells(suite: Suite, floor: Estimate, scales: Axes) -> tuple[Cell, ...]:
    """What real images get, in the columns of distances."""
    found = []
    for metric in columns.shown(suite):
        is_distance = metric.statistic == FRECHET
        found.append(columns.value(metric, floor, scales.get(metric.name)) if is_distance else NOTHING)
    return (*found, *(Cell("") for _ in columns.columns(suite)[len(found) :]))


def _row(suite: Suite, entry: Entry, ids: Ids, scales: Axes) -> TableRow:
    row, title = entry.row, names.title(entry.row)
    words = (
        row.method,
        title,
        entry.suffix,
        row.method_version,
        *texts(row.card.get("authors")),
        *_tags(row),
        *row.flags,
    )
    return TableRow(
        rank=rank(row),
        name=row.method,
        href=f"../methods/{text.slug(row.method)}.html",
        title=entry.name,
        variant=variant(row, row.method if title != row.method else ""),
        cells=columns.cells(suite, row, scales),
        marks=marks.marks(row, entry.imported),
        flags=marks.flags(row, tasks.kind(suite)),
        search=" ".join(words).lower(),
        keys={name: " ".join(known[value] for value in _values(row, name)) for name, known in ids.items()},
    )


def _tags(row: Row) -> tuple[str, ...]:
    return texts(row.card.get("tags"))


def _values(row: Row, name: str) -> tuple[str, ...]:
    """What a row has to offer to the filter ``name``."""
    if name == "tag":
        return _tags(row)
    if name == "flag":
        return row.flags
    return (str(getattr(row, name)),)


def _filters(rows: Sequence[Row]) -> tuple[Filter, ...]:
    names = {"completeness": "Completeness", "origin": "Origin", "currency": "Currency", "flag": "Flag", "tag": "Tag"}
    made = [Filter(name, label, options([_values(row, name) for row in rows])) for name, label in names.items()]
    return tuple(f for f in made if f.options)


def options(values: Sequence[Iterable[str]]) -> tuple[Option, ...]:
    """The choices of a filter, from what each row has to offer to it."""
    counts = _count(value for offered in values for value in dict.fromkeys(offered))
    return tuple(Option(str(at), value, counts[value]) for at, value in enumerate(sorted(counts)))


def _count(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts
