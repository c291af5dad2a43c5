"""Rows that differ in one number alone: clean, static and adaptive accuracy against it, as against t* of a purifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trustdm.bench.printable import printable
from trustdm.bench.suite.load import Suite
from trustdm.bench.types import Estimate
from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.draw.layout import NARROW, WIDE, draw
from trustdm.leaderboard.draw.points import Axis, Curves, Look, height
from trustdm.leaderboard.scales import Scale, scale
from trustdm.leaderboard.svg import COLOURS, Chart

FEWEST, MOST_CHARTS = 3, 2
MARGIN = 0.06
CLEAN, ROBUST = "accuracy", "robust_accuracy"
Plain = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Sweep:
    """The ``entries`` of one method whose parameters differ in ``name`` alone, by rising value of it."""

    name: str
    rest: Plain
    entries: tuple[tuple[float, Entry], ...]


def sweep_charts(name: str, board: Board) -> tuple[Chart, ...]:
    """A chart for each parameter that was swept, at most two of them; none where none was."""
    drawn = sorted(sweeps(board.entries), key=lambda sweep: -len(sweep.entries))[:MOST_CHARTS]
    return tuple(
        chart for at, sweep in enumerate(drawn) if (chart := _chart(f"{name}-sweep{at}", sweep, board)) is not None
    )


def sweeps(entries: Sequence[Entry]) -> list[Sweep]:
    """Every set of at least three current rows of one method and completeness that differ in one number alone."""
    groups: dict[tuple[object, ...], dict[float, Entry]] = {}
    for entry in entries:
        row = entry.row
        if row.currency != "current":
            continue
        for name, value, rest in _numbers(row.params):
            key = (row.method, row.method_version, row.completeness, row.seed, name, rest)
            groups.setdefault(key, {}).setdefault(value, entry)
    return [
        Sweep(str(key[4]), key[5], tuple(sorted(found.items())))  # type: ignore[arg-type]
        for key, found in groups.items()
        if len(found) >= FEWEST
    ]


def _numbers(params: Plain) -> Iterator[tuple[str, float, Plain]]:
    """Each number among the parameters, and what is left without it."""
    for name, value in params:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value), tuple((other, v) for other, v in params if other != name)


def columns(suite: Suite) -> list[tuple[str, str]]:
    """The metrics that are drawn, and what they are called: clean, static where there is one, robust."""
    wanted = []
    for metric in suite.metrics:
        over, attack = metric.params.get("over", "mean"), metric.params.get("attack", "")
        if over != "mean":
            continue
        if metric.statistic == CLEAN and metric.probe == "clean":
            wanted.append((metric.name, "clean"))
        elif metric.statistic == ROBUST and attack == "transfer":
            wanted.append((metric.name, "static: made without the purifier"))
        elif metric.name == suite.ranking.metric:
            wanted.append((metric.name, "robust: every attack that ranks"))
    return wanted


def _chart(name: str, sweep: Sweep, board: Board) -> Chart | None:
    across = scale((value for value, _ in sweep.entries), wide=float("inf"), margin=MARGIN)
    if across is None:
        return None
    rows = [row for at, column in enumerate(columns(board.suite)) for row in _spots(at, column, sweep, across)]
    if not rows:
        return None
    first = sweep.entries[0][1]
    fixed = ", ".join(f"{key}={value}" for key, value in sweep.rest)
    caption = printable(
        f"{first.row.method} ({fixed}): accuracy as {sweep.name} grows, on clean images, under images made against the "
        "bare classifier, and under the attack that leaves the least. Bars are 95% intervals."
    )
    axis = Axis(printable(sweep.name), across, tuple(value for value, _ in sweep.entries))
    plot = Curves(rows, axis, Axis("Accuracy, mean over draws", Scale(0, 1), percent=True))
    title = printable(f"What {sweep.name} trades")
    return draw(name, title, caption, {layout: plot.layers(layout) for layout in (WIDE, NARROW)})


def _spots(at: int, column: tuple[str, str], sweep: Sweep, across: Scale) -> list[dict[str, object]]:
    metric, label = column
    drawn = []
    for value, entry in sweep.entries:
        estimate: Estimate | None = entry.row.metrics.get(metric)
        if estimate is None:
            continue
        look = Look(at, label, entry.row.completeness == "preview", COLOURS[f"series-{at + 1}"], "circle")
        note = f"{sweep.name} = {value:g}, {label}: {text.estimate(estimate)}, n = {estimate.n}"
        place = {"px": across.place(value), **height(estimate, Scale(0, 1)), "note": printable(note)}
        drawn.append({**look.mark(), **place})
    return drawn
