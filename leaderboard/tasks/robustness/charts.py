"""The charts of a board of attacked classifiers, drawn at build time (docs/decisions/005-charts.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from trustdm.bench.printable import printable
from trustdm.bench.summary.cell import CellView
from trustdm.bench.tasks.robustness import adapted
from trustdm.bench.tasks.robustness.metrics import curve
from trustdm.bench.types import Estimate
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.draw.layout import INK, NARROW, PERCENT, PREVIEW, WIDE, Layout, draw, labels, place, points
from trustdm.leaderboard.svg import COLOURS, Chart
from trustdm.leaderboard.text import count, estimate, squeeze

MOST = 12
PALETTE = 6
LONGEST = 34


@dataclass(frozen=True, slots=True)
class Words:
    """What the charts say: what the robust accuracy is, and the chart of the attacks."""

    robust: str
    title: str
    caption: str
    x: str
    y: str


IN_TURN = Words(
    "after every attack",
    "What each attack leaves",
    "The share of examples still classified correctly as the attacks run one after the other",
    "After each attack in turn",
    "Robust accuracy so far",
)
BY_ITSELF = Words(
    "the least that any attack left as a mean over draws",
    "What each attack leaves by itself",
    "Accuracy on clean images and under each attack by itself, as a mean over draws that no attack has seen",
    "Under each attack",
    "Accuracy, mean over draws",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a board: its name, whether it is a preview, and (probe, estimate) along the attacks, clean first.

    ``robust`` is what all attacks together left, and under which one; the last point, where they run in turn.
    """

    name: str
    preview: bool
    points: tuple[tuple[str, Estimate], ...]
    robust: tuple[str, Estimate] | None = None


def lines(board: Board) -> list[Line]:
    """The curves of the current rows under the evaluation that ranks them."""
    evaluation = board.suite.ranking_metric.evaluation
    current = [entry for entry in board.entries if entry.row.currency == "current"]
    drawn = []
    for entry in current:
        views = [part.view for part in entry.parts if part.evaluation == evaluation]
        if views:
            drawn.append(_line(entry.name, entry.row.completeness == "preview", views[0]))
    return drawn


def _line(name: str, preview: bool, view: CellView) -> Line:
    points = tuple(adapted.profile(view) if adapted.adaptive(view) else curve(view))
    robust = adapted.headline(view) if adapted.adaptive(view) else None
    return Line(name, preview, points, robust)


def board_charts(name: str, lines: Sequence[Line], *, in_turn: bool = True) -> tuple[Chart, ...]:
    """The charts of a board whose rows come best first; none where no row has both a clean and an attacked value.

    ``in_turn``: attacks run one after the other, each on what is left; otherwise each by itself.
    """
    drawn = [_readable(line) for line in lines if len(line.points) > 1]
    full = [line for line in drawn if not line.preview][:MOST]
    kept = full + [line for line in drawn if line.preview][: MOST - min(len(full), MOST // 2)]
    if not kept:
        return ()
    left_out = len(drawn) - len(kept)
    more = f" {count(left_out)} lower rows are left out." if left_out else ""
    words = IN_TURN if in_turn else BY_ITSELF
    return (_trade_off(f"{name}-a", kept, more, words), _attacks(f"{name}-b", kept, more, words))


def _readable(line: Line) -> Line:
    """The line with names that an XML file can hold."""
    points = tuple((printable(p), value) for p, value in line.points)
    return Line(printable(line.name), line.preview, points, line.robust)


def _trade_off(name: str, lines: Sequence[Line], more: str, words: Words) -> Chart:
    """Clean against robust accuracy, with both intervals."""
    caption = (
        f"Each row's accuracy on clean images against its robust accuracy, {words.robust}; bars are 95% intervals, "
        f"hollow points are previews. Up and to the right is better.{more}"
    )
    layers = {layout: _trade_off_layers(lines, layout) for layout in (WIDE, NARROW)}
    return draw(name, "Clean against robust accuracy", caption, layers)


def _trade_off_layers(lines: Sequence[Line], layout: Layout) -> list[Any]:
    rows = [_end_points(line, at) for at, line in enumerate(lines)]
    low = max(0.0, min(row["xlo"] for row in rows) - 0.03)
    scale_x = alt.Scale(domain=[low, 1.0], nice=False)
    place(rows, layout)
    base = alt.Chart(alt.Data(values=rows))
    at_x = alt.X("x:Q", title="Clean accuracy", scale=scale_x, axis=PERCENT)
    at_y = alt.Y("y:Q", title="Robust accuracy", scale=alt.Scale(domain=[0, 1]), axis=PERCENT)
    return [
        base.mark_rule(aria=False, strokeWidth=1, opacity=0.55).encode(x=at_x, y=alt.Y("lo:Q"), y2="hi:Q", color=INK),
        base.mark_rule(aria=False, strokeWidth=1, opacity=0.55).encode(x=alt.X("xlo:Q"), x2="xhi:Q", y=at_y, color=INK),
        *points(base, at_x, at_y),
        *labels(base, at_x, at_y, layout),
    ]


def _attacks(name: str, lines: Sequence[Line], more: str, words: Words) -> Chart:
    """The share still correct after each attack in turn, or under each by itself."""
    caption = f"{words.caption}; bars are 95% intervals, dashed lines are previews.{more}"
    layers = {layout: _attack_layers(lines, layout, words) for layout in (WIDE, NARROW)}
    return draw(name, words.title, caption, layers)


def _attack_layers(lines: Sequence[Line], layout: Layout, words: Words) -> list[Any]:
    width = layout.width
    order = list(dict.fromkeys(probe for line in lines for probe, _ in line.points))
    step = width / max(1, len(order) - 1)
    rows = [
        {**_mark(line, at), "probe": probe, "px": step * order.index(probe), **_interval(value, line.name, probe)}
        for at, line in enumerate(lines)
        for probe, value in line.points
    ]
    ends = [row for row in rows if row["px"] == max(r["px"] for r in rows if r["name"] == row["name"])]
    place(ends, layout)
    base = alt.Chart(alt.Data(values=rows))
    names = f"{json.dumps(order)}[round(datum.value / {step!r})]"
    axis = alt.Axis(values=[step * i for i in range(len(order))], labelExpr=names, grid=False)
    at_x = alt.X("px:Q", title=words.x, axis=axis, scale=alt.Scale(domain=[0, width], nice=False))
    at_y = alt.Y("y:Q", title=words.y, scale=alt.Scale(domain=[0, 1]), axis=PERCENT)
    return [
        base.mark_line(aria=False, strokeWidth=1.5).encode(
            x=at_x, y=at_y, color=INK, detail="key:N", strokeDash=PREVIEW
        ),
        base.mark_rule(aria=False, strokeWidth=1, opacity=0.5).encode(x=at_x, y=alt.Y("lo:Q"), y2="hi:Q", color=INK),
        *points(base, at_x, at_y),
        *labels(alt.Chart(alt.Data(values=ends)), at_x, at_y, layout),
    ]


def _mark(line: Line, at: int) -> dict[str, Any]:
    colour = COLOURS[f"series-{at + 1}"] if at < PALETTE and not line.preview else COLOURS["muted"]
    return {
        "key": at,
        "name": line.name,
        "label": squeeze(line.name, LONGEST),
        "preview": line.preview,
        "colour": colour,
    }


def _interval(value: Estimate, name: str, probe: str) -> dict[str, Any]:
    note = f"{name}, {probe}: {estimate(value)}, n = {value.n}"
    return {"y": value.value, "lo": value.low, "hi": value.high, "note": note}


def _end_points(line: Line, at: int) -> dict[str, Any]:
    clean, (probe, last) = line.points[0][1], line.robust or line.points[-1]
    row = {**_mark(line, at), **_interval(last, line.name, f"after {printable(probe)}")}
    row["note"] += f"; clean {estimate(clean)}"
    return {**row, "x": clean.value, "xlo": clean.low, "xhi": clean.high}
