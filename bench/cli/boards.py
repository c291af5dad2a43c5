"""What the terminal says about the rows of a suite: the board as a grid, and lines beneath it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trustdm.bench.cli.layout import Cell, Column, Grid, plain, whole, words
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.comparison import SEPARATED
from trustdm.bench.summary.row import Row
from trustdm.bench.tasks.contract import Unit

FIRST_VERSION = "1"
USUAL = {"measured", "current", "unverified"}
"""Marks that are not worth a word."""
USUAL_GROUP = "full"


def board(suite: Suite, rows: Sequence[Row]) -> Grid:
    """The rows of a suite: rank, method, metrics, n, marks, flags; preview rows are ranked among themselves.

    The metrics are those of the task's headline, and on demand (``--wide``) all of the suite.
    """
    ranking, head = suite.ranking_metric, list(suite.task.headline(suite))
    metrics = [*head, *(m for m in suite.metrics if m not in head)]
    shown = [m for m in metrics if any(m.name in row.metrics for row in rows)]
    count = [str(row.n) if row.n == row.planned else f"{row.n}/{row.planned}" for row in rows]
    end = len(metrics)
    columns = (
        Column("rank", tuple(whole(rank(row)) for row in rows)),
        Column("method", tuple(_name(row, called) for row, called in zip(rows, titles(rows), strict=True)), "name"),
        *(_metric(suite, rows, m, 0 if m == ranking else 1 + metrics.index(m), extra=m not in head) for m in shown),
        Column("n", tuple(map(whole, count)), order=end + 1),
        Column("marks", tuple(words(marks(row)) for row in rows), "prose", end + 2, under=True, usual=USUAL_GROUP),
        Column("flags", tuple(words(" ".join(row.flags)) for row in rows), "prose", end + 3, under=True),
    )
    shares = "; shares in %" if any(_unit(suite, m) == "share" for m in shown) else ""
    better = "" if ranking not in shown else f", ranked by {label(ranking)} ({ranking.direction} is better)"
    title = f"{suite.name} v{suite.version}{better}; 95% intervals{shares}"
    return Grid(title, columns, f"trustdm show {suite.name} --wide")


def label(metric: MetricSpec) -> str:
    """What a metric is called: by its suite, or by its name."""
    return plain(metric.label or metric.name.removesuffix("_accuracy"))


def title(row: Row) -> str:
    """The method with its parameters, as they are typed, and its version where that is not the first."""
    return _typed(row) + ("" if row.method_version == FIRST_VERSION else f" v{row.method_version}")


def titles(rows: Sequence[Row]) -> list[str]:
    """The title of each row of a board: with the version of a method that has several here, and with the seed where
    rows have one title otherwise."""
    versions: dict[str, set[str]] = {}
    for row in rows:
        versions.setdefault(row.method, set()).add(row.method_version)
    named = [f"{_typed(r)} v{r.method_version}" if len(versions[r.method]) > 1 else title(r) for r in rows]
    seeds: dict[str, set[int]] = {}
    for row, name in zip(rows, named, strict=True):
        seeds.setdefault(name, set()).add(row.seed)
    return [f"{n} seed {r.seed}" if len(seeds[n]) > 1 else n for r, n in zip(rows, named, strict=True)]


def notes(rows: Sequence[Row]) -> list[str]:
    """Why numbers are missing from rows, or rows are not ranked, and by whom they fell, one line each."""
    called = list(zip(titles(rows), rows, strict=True))
    lines = [f"{name}: {error}" for name, row in called for error in row.errors]
    lines += [f"{name}: not ranked: {row.caveat}" for name, row in called if row.caveat]
    return [*lines, *(plain(line) for name, row in called for line in _falls(name, row))]


def _falls(name: str, row: Row) -> Iterator[str]:
    """Which metrics fell, by whom and from where; and which further results do not count, and why."""
    fell = dict.fromkeys(metric for result in row.fell_by for metric in result.lowers)
    yield from (f"{name}: {metric}: fell {row.metrics[metric].detail}" for metric in fell)
    yield from (f"{name}: {r.credited} does not count: {r.why}" for r in row.further if not r.counts)


def tests(suite: Suite, rows: Sequence[Row]) -> list[str]:
    """How the rows of each group were compared, and what n lets one see."""
    lines = []
    for test, group, least in sorted({(r.rank_test, r.rank_group, r.separable) for r in rows if r.rank_test}, key=str):
        share = _unit(suite, suite.ranking_metric) == "share"
        seen = "" if least is None else f"{100 * least:.2g} points" if share else f"{least:.3g}"
        lines.append(
            f"ranks ({group}): {test}" + (f"; differences from about {seen} on can be told apart" if seen else "")
        )
    alike: dict[tuple[str, str], list[str]] = {}
    for name, row in zip(titles(rows), rows, strict=True):
        if row.comparison and row.comparison != SEPARATED:
            alike.setdefault((row.comparison, row.rank_group), []).append(name)
    lines += [f"{verdict}, against the best ({group}): {'; '.join(names)}" for (verdict, group), names in alike.items()]
    return lines


def offers(suite: Suite, rows: Sequence[Row], shipped_rows: int) -> list[str]:
    """What to do next, where a board has no rows, or none of those that come with the package."""
    lines = [] if rows else [f"no rows yet; measure some: trustdm run {suite.name_or_file} --limit 8"]
    if shipped_rows and all(row.own for row in rows):
        lines.append(f"{shipped_rows} full-size rows come with trustdm; bring them in: trustdm baselines")
    return lines


def marks(row: Row) -> str:
    """The group a row is ranked in, and whichever of its marks is not the usual one."""
    odd = [str(m) for m in (row.origin, row.currency, row.verification) if str(m) not in USUAL]
    imported = [] if row.own else [f"imported: {row.measured_by}"]
    failed = ["conformance failed"] if row.failed_checks else []
    unranked = ["not ranked"] if row.caveat else []
    return " ".join([row.rank_group or row.completeness, *imported, *odd, *failed, *unranked])


def rank(row: Row) -> str:
    """The rank interval, "1-3"."""
    if row.rank_low is None:
        return ""
    return str(row.rank_low) if row.rank_low == row.rank_high else f"{row.rank_low}-{row.rank_high}"


def percent(value: float) -> str:
    """0.5 as "50.0"."""
    return f"{100 * value:.1f}"


def estimate(suite: Suite, row: Row, spec: MetricSpec) -> str:
    """An estimate as its unit asks: shares in percent, counts alone, everything else with three digits."""
    unit, e = _unit(suite, spec), row.metrics.get(spec.name)
    if unit is None or e is None:
        return ""
    if unit == "share":
        return f"{percent(e.value)} [{percent(e.low)}, {percent(e.high)}]"
    if unit == "count":
        return f"{e.value:,.0f}" if e.value >= 1000 else f"{e.value:.4g}"
    return f"{e.value:.3g} [{e.low:.3g}, {e.high:.3g}]"


def _unit(suite: Suite, spec: MetricSpec) -> Unit | None:
    metric = suite.task.metric(spec.statistic)
    return metric.unit if metric else None


def _metric(suite: Suite, rows: Sequence[Row], spec: MetricSpec, order: int, *, extra: bool) -> Column:
    """The column of a metric; an interval may stand under its value, whole."""
    told = [estimate(suite, row, spec).partition(" ") for row in rows]
    cells = tuple((value + space, interval) if interval else (value,) for value, space, interval in told)
    return Column(label(spec), cells, order=order, extra=extra)


def _typed(row: Row) -> str:
    return "".join(typed(row.method, row.shown))


def typed(method: str, params: Sequence[tuple[str, object]]) -> Cell:
    """A method as it is typed, in pieces: its name and each of its parameters."""
    items = [f"{k}={v}" for k, v in params]
    pieces = [f"{method}:" if items else method, *(f"{item}," for item in items[:-1]), *items[-1:]]
    return tuple(plain(piece) for piece in pieces)


def _name(row: Row, called: str) -> Cell:
    """The title of a row in pieces."""
    pieces = typed(row.method, row.shown)
    return (*pieces, *(f" {word}" for word in plain(called).removeprefix("".join(pieces)).split()))
