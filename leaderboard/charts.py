"""Draws the charts of a board with Altair, at build time, as inline SVG (docs/decisions/005-charts.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from trustdm.bench.types import Estimate
from trustdm.leaderboard.svg import COLOURS, Chart, inline
from trustdm.leaderboard.text import count, estimate, printable, squeeze

HEIGHT = 300
LINE = 15
LONGEST = 34
BELOW = 64
MOST = 12
PALETTE = 6
PERCENT = alt.Axis(format="%", tickCount=5, labelOverlap="greedy", labelFlush=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a board: its name, whether it is a preview, and (probe, estimate) along the attacks, clean first."""

    name: str
    preview: bool
    points: tuple[tuple[str, Estimate], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The ``width`` of the plot; ``narrow``: the names stand below it, not at its right."""

    width: int
    narrow: bool = False


WIDE, NARROW = Layout(370), Layout(270, narrow=True)


def board_charts(name: str, lines: Sequence[Line]) -> tuple[Chart, ...]:
    """The charts of a board whose rows come best first; none where no row has both a clean and an attacked value."""
    drawn = [_readable(line) for line in lines if len(line.points) > 1]
    full = [line for line in drawn if not line.preview][:MOST]
    kept = full + [line for line in drawn if line.preview][: MOST - min(len(full), MOST // 2)]
    if not kept:
        return ()
    left_out = len(drawn) - len(kept)
    more = f" {count(left_out)} lower rows are left out." if left_out else ""
    return (_trade_off(f"{name}-a", kept, more), _survival(f"{name}-b", kept, more))


def _readable(line: Line) -> Line:
    """The line with names that an XML file can hold."""
    return Line(printable(line.name), line.preview, tuple((printable(p), value) for p, value in line.points))


def _trade_off(name: str, lines: Sequence[Line], more: str) -> Chart:
    """Clean against robust accuracy, with both intervals."""
    caption = (
        "Each row's accuracy on clean images against what is left after every attack; bars are 95% intervals, "
        f"hollow points are previews. Up and to the right is better.{more}"
    )
    layers = {layout: _trade_off_layers(lines, layout) for layout in (WIDE, NARROW)}
    return _draw(name, "Clean against robust accuracy", caption, layers)


def _trade_off_layers(lines: Sequence[Line], layout: Layout) -> list[Any]:
    rows = [_end_points(line, at) for at, line in enumerate(lines)]
    low = max(0.0, min(row["xlo"] for row in rows) - 0.03)
    scale_x = alt.Scale(domain=[low, 1.0], nice=False)
    _place(rows, layout)
    base = alt.Chart(alt.Data(values=rows))
    at_x = alt.X("x:Q", title="Clean accuracy", scale=scale_x, axis=PERCENT)
    at_y = alt.Y("y:Q", title="Accuracy after every attack", scale=alt.Scale(domain=[0, 1]), axis=PERCENT)
    ink = alt.Color("colour:N", scale=None)
    return [
        base.mark_rule(aria=False, strokeWidth=1, opacity=0.55).encode(x=at_x, y=alt.Y("lo:Q"), y2="hi:Q", color=ink),
        base.mark_rule(aria=False, strokeWidth=1, opacity=0.55).encode(x=alt.X("xlo:Q"), x2="xhi:Q", y=at_y, color=ink),
        *_points(base, at_x, at_y),
        *_labels(base, at_x, at_y, layout),
    ]


def _survival(name: str, lines: Sequence[Line], more: str) -> Chart:
    """The share still correct after each attack in turn."""
    caption = (
        "The share of examples still classified correctly as the attacks run one after the other; bars are 95% "
        f"intervals, dashed lines are previews.{more}"
    )
    layers = {layout: _survival_layers(lines, layout) for layout in (WIDE, NARROW)}
    return _draw(name, "What each attack leaves", caption, layers)


def _survival_layers(lines: Sequence[Line], layout: Layout) -> list[Any]:
    width = layout.width
    order = list(dict.fromkeys(probe for line in lines for probe, _ in line.points))
    step = width / max(1, len(order) - 1)
    rows = [
        {**_mark(line, at), "probe": probe, "px": step * order.index(probe), **_interval(value, line.name, probe)}
        for at, line in enumerate(lines)
        for probe, value in line.points
    ]
    ends = [row for row in rows if row["px"] == max(r["px"] for r in rows if r["name"] == row["name"])]
    _place(ends, layout)
    base = alt.Chart(alt.Data(values=rows))
    names = f"{json.dumps(order)}[round(datum.value / {step!r})]"
    axis = alt.Axis(values=[step * i for i in range(len(order))], labelExpr=names, grid=False)
    at_x = alt.X("px:Q", title="After each attack in turn", axis=axis, scale=alt.Scale(domain=[0, width], nice=False))
    at_y = alt.Y("y:Q", title="Still correct", scale=alt.Scale(domain=[0, 1]), axis=PERCENT)
    ink = alt.Color("colour:N", scale=None)
    dash = alt.StrokeDash("preview:N", scale=alt.Scale(domain=[False, True], range=[[1, 0], [4, 3]]), legend=None)
    return [
        base.mark_line(aria=False, strokeWidth=1.5).encode(x=at_x, y=at_y, color=ink, detail="key:N", strokeDash=dash),
        base.mark_rule(aria=False, strokeWidth=1, opacity=0.5).encode(x=at_x, y=alt.Y("lo:Q"), y2="hi:Q", color=ink),
        *_points(base, at_x, at_y),
        *_labels(alt.Chart(alt.Data(values=ends)), at_x, at_y, layout),
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
    clean, (probe, last) = line.points[0][1], line.points[-1]
    row = {**_mark(line, at), **_interval(last, line.name, f"after {probe}")}
    row["note"] += f"; clean {estimate(clean)}"
    return {**row, "x": clean.value, "xlo": clean.low, "xhi": clean.high}


def _points(base: Any, x: Any, y: Any) -> list[Any]:
    """Filled points for full rows, hollow ones for previews; each carries its note."""
    where = {"x": x, "y": y, "description": "note:N"}
    ink = alt.Color("colour:N", scale=None)
    solid = base.mark_point(filled=True, size=44, opacity=1).encode(color=ink, **where)
    hollow = base.mark_point(filled=True, size=40, opacity=1, fill=COLOURS["paper"], strokeWidth=1.5)
    return [
        solid.transform_filter("!datum.preview"),
        hollow.encode(stroke=alt.Stroke("colour:N", scale=None), **where).transform_filter("datum.preview"),
    ]


def _labels(base: Any, x: Any, y: Any, layout: Layout) -> list[Any]:
    """Names in a column at the right with a thin line to the point each belongs to; or below, in their colours."""
    ink = alt.Color("colour:N", scale=None)
    slot = alt.Y("slot:Q")
    leader = base.mark_rule(aria=False, strokeWidth=0.75, color=COLOURS["edge"], strokeDash=[1, 2])
    names = base.mark_text(aria=False, align="left", baseline="middle", fontSize=12)
    if layout.narrow:
        keys = base.mark_point(aria=False, filled=True, size=44, opacity=1)
        return [
            keys.encode(x=alt.value(-30), y=slot, color=ink),
            names.encode(x=alt.value(-20), y=slot, text="label:N", color=ink),
        ]
    return [
        leader.encode(x=x, y=y, x2=alt.value(layout.width + 12), y2="slot:Q"),
        names.encode(x=alt.value(layout.width + 16), y=slot, text="label:N", color=ink),
    ]


def _place(rows: list[dict[str, Any]], layout: Layout = WIDE) -> None:
    """Gives each row a ``slot``, the height of its label: near its value and at least one line from the next, or
    in a list below the axis, best first."""
    gap = LINE / HEIGHT
    if layout.narrow:
        for at, row in enumerate(sorted(rows, key=lambda r: (-r["y"], r["key"]))):
            row["slot"] = -(BELOW + 1.2 * LINE * at) / HEIGHT
        return
    top = 1.0 + gap
    for row in sorted(rows, key=lambda r: (-r["y"], r["key"])):
        top = row["slot"] = min(row["y"], top - gap)
    bottom = -gap
    for row in sorted(rows, key=lambda r: r["slot"]):
        bottom = row["slot"] = max(row["slot"], bottom + gap)


def _draw(name: str, title: str, caption: str, layers: dict[Layout, list[Any]]) -> Chart:
    words = f"{title}. {caption}"
    wide, narrow = (vl_convert.vegalite_to_svg(_figure(made, at)) for at, made in layers.items())
    return Chart(title, caption, inline(wide, name, words), inline(narrow, f"{name}-narrow", words))


def _figure(layers: list[Any], layout: Layout) -> dict[str, Any]:
    """The chart as Vega-Lite, in the colours and sizes of the pages."""
    chart = (
        alt.layer(*layers)
        .properties(width=layout.width, height=HEIGHT, padding={"left": 4, "top": 8, "bottom": 4, "right": 8})
        .configure(background="transparent", autosize=alt.AutoSizeParams(type="pad"))
        .configure_view(stroke=None)
        .configure_axis(
            domainColor=COLOURS["edge"],
            tickColor=COLOURS["edge"],
            gridColor=COLOURS["line"],
            labelColor=COLOURS["soft"],
            titleColor=COLOURS["soft"],
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=10,
            labelPadding=6,
        )
    )
    found: dict[str, Any] = chart.to_dict()
    return found
