"""Rows of a board as cells of text: shared by the pages of suites and of methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trustdm.bench.suite import Suite
from trustdm.bench.suite_models import MetricSpec
from trustdm.bench.summary import Row
from trustdm.bench.types import Estimate
from trustdm.leaderboard import marks, names, text
from trustdm.leaderboard.queries import Entry
from trustdm.leaderboard.views import Bar, Cell, Column, Filter, Group, Option, Table, TableRow

Ids = Mapping[str, Mapping[str, str]]
NOTHING = Cell(text.DASH)
COSTS = (
    Column("forwards", "Forward", "Images sent forward for each example, counted by the harness", "cost", "down"),
    Column("gradients", "Gradient", "Images a gradient was taken for, for each example", "cost", "down"),
    Column("device", "Device time", "Process or device time for each example", "cost", "down"),
    Column("n", "Examples", "Examples run, of those on the test list", "count"),
)


def columns(suite: Suite) -> tuple[Column, ...]:
    """The columns of a board: its metrics, then the costs."""
    whole = {metric.evaluation for metric in suite.metrics if not metric.probe}
    found = []
    for metric in suite.metrics:
        group = "attack" if metric.probe and metric.evaluation in whole else "main"
        better = "down" if metric.direction == "lower" else "up"
        found.append(Column(metric.name, label(suite, metric.name), describe(suite, metric), group, better))
    return (*found, *COSTS)


def label(suite: Suite, name: str) -> str:
    """What a metric is called on the pages."""
    metric = next(m for m in suite.metrics if m.name == name)
    words = metric.label or name.replace("_", " ")
    return words[:1].upper() + words[1:]


def describe(suite: Suite, metric: MetricSpec) -> str:
    """One sentence that says what a metric counts."""
    if metric.statistic == "survival":
        probe = f"{metric.probe} and what ran before it" if metric.probe else "all attacks"
        return f"Share of examples still correct after {probe}, in the evaluation “{metric.evaluation}”"
    where = f"under {metric.probe}" if metric.probe not in {"", "clean"} else "as they are, without an attack"
    return f"Share of examples classified correctly {where} (evaluation “{metric.evaluation}”)"


def estimate(value: Estimate | None) -> Cell:
    """An estimate of a share with its interval, drawn as well; a dash where there is none."""
    if value is None:
        return NOTHING
    low, middle, high = (100 * min(1.0, max(0.0, v)) for v in (value.low, value.value, value.high))
    return Cell(text.percent(value.value), text.interval(value.low, value.high), value.value, Bar(low, middle, high))


def cells(suite: Suite, row: Row) -> tuple[Cell, ...]:
    """The cells of ``columns``, in their order."""
    return (*(estimate(row.metrics.get(metric.name)) for metric in suite.metrics), *_costs(row))


def _costs(row: Row) -> tuple[Cell, ...]:
    count = Cell(f"{row.n:,}", f"of {row.planned:,}", row.n)
    if not row.n:
        return NOTHING, NOTHING, NOTHING, count
    forwards, gradients, device = (v / row.n for v in (row.cost.forwards, row.cost.gradients, row.cost.device))
    each = "per example"
    return (
        Cell(text.count(forwards), each, forwards),
        Cell(text.count(gradients), each, gradients),
        Cell(text.duration(device), each, device),
        count,
    )


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


def table(suite: Suite, entries: Sequence[Entry], tests: Sequence[str]) -> Table:
    """The whole table of a board."""
    rows = [entry.row for entry in entries]
    filters = _filters(rows)
    ids = {f.name: {option.label: option.id for option in f.options} for f in filters}
    grouped: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        grouped.setdefault((entry.row.completeness, entry.row.rank_group), []).append(entry)
    groups = tuple(_group(suite, members, ids) for members in grouped.values())
    return Table(columns(suite), groups, filters, len(rows), label(suite, suite.ranking.metric), tuple(tests))


def _group(suite: Suite, entries: Sequence[Entry], ids: Ids) -> Group:
    first = entries[0].row
    ranked = first.rank_low is not None
    seed = f", seed {first.seed}" if len(suite.seeds) > 1 and ranked else ""
    made = tuple(_row(suite, entry, ids) for entry in entries)
    if first.completeness == "preview":
        reach = f", first {first.n:,} examples" if ranked else ", not ranked"
        note = f"Only part of the {first.planned:,} examples was run, so intervals are wide."
        note += " Ranked among themselves, never with full rows." if ranked else ""
        return Group("preview", f"Preview{reach}{seed}", note, made)
    if not ranked:
        return Group(
            "full", "Full, not ranked", "Complete, but not comparable with the ranked rows: see the marks.", made
        )
    return Group("full", f"Full{seed}", f"All {first.n:,} examples of the test list.", made)


def _row(suite: Suite, entry: Entry, ids: Ids) -> TableRow:
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
        cells=cells(suite, row),
        marks=marks.marks(row, entry.imported),
        flags=marks.flags(row),
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
    made = [Filter(name, label, _options(rows, name)) for name, label in names.items()]
    return tuple(f for f in made if f.options)


def _options(rows: Sequence[Row], name: str) -> tuple[Option, ...]:
    counts = _count(value for row in rows for value in dict.fromkeys(_values(row, name)))
    return tuple(Option(str(at), value, counts[value]) for at, value in enumerate(sorted(counts)))


def _count(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts
