"""What all charts share: sizes, names beside or below the plot, and Vega's drawing as inline SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from trustdm.leaderboard.svg import COLOURS, Chart, inline

HEIGHT = 300
LINE = 15
SMALL = (290, 230)
BELOW = 64
INK = alt.Color("colour:N", scale=None)
PREVIEW = alt.StrokeDash("preview:N", scale=alt.Scale(domain=[False, True], range=[[1, 0], [4, 3]]), legend=None)
PERCENT = alt.Axis(format="%", tickCount=5, labelOverlap="greedy", labelFlush=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """The ``width`` of the plot; ``narrow``: the names stand below it, not at its right."""

    width: int
    narrow: bool = False


WIDE, NARROW = Layout(370), Layout(270, narrow=True)


def points(base: Any, x: Any, y: Any, *, shaped: bool = False) -> list[Any]:
    """Filled points for full rows, hollow ones for previews; each carries its note, and its shape if it has one."""
    where = {"x": x, "y": y, "description": "note:N", **_shape(shaped)}
    solid = base.mark_point(filled=True, size=44, opacity=1).encode(color=INK, **where)
    hollow = base.mark_point(filled=True, size=40, opacity=1, fill=COLOURS["paper"], strokeWidth=1.5)
    return [
        solid.transform_filter("!datum.preview"),
        hollow.encode(stroke=alt.Stroke("colour:N", scale=None), **where).transform_filter("datum.preview"),
    ]


def labels(base: Any, x: Any, y: Any, layout: Layout, *, shaped: bool = False) -> list[Any]:
    """Names in a column at the right with a thin line to the point each belongs to; or below, in their colours.

    Beside each name stands its point where the list is below, and its shape where rows have shapes.
    """
    slot = alt.Y("slot:Q")
    left = -30 if layout.narrow else layout.width + 20
    keys = base.mark_point(aria=False, filled=True, size=44, opacity=1)
    keys = keys.encode(x=alt.value(left), y=slot, color=INK, **_shape(shaped))
    names = base.mark_text(aria=False, align="left", baseline="middle", fontSize=12)
    if layout.narrow:
        return [keys, names.encode(x=alt.value(-20), y=slot, text="label:N", color=INK)]
    leader = base.mark_rule(aria=False, strokeWidth=0.75, color=COLOURS["edge"], strokeDash=[1, 2])
    after = layout.width + (28 if shaped else 16)
    return [
        leader.encode(x=x, y=y, x2=alt.value(layout.width + 12), y2="slot:Q"),
        *([keys] if shaped else []),
        names.encode(x=alt.value(after), y=slot, text="label:N", color=INK),
    ]


def _shape(shaped: bool) -> dict[str, Any]:
    return {"shape": alt.Shape("shape:N", scale=None)} if shaped else {}


def place(rows: list[dict[str, Any]], layout: Layout = WIDE) -> None:
    """Gives each row a ``slot``, the height of its label: near its value and at least one line from the next, or
    in a list below the axis, by ``order`` where rows have one and from the top otherwise."""
    gap = LINE / HEIGHT
    if layout.narrow:
        for at, row in enumerate(sorted(rows, key=lambda r: (r.get("order", -r["y"]), r["key"]))):
            row["slot"] = -(BELOW + 1.2 * LINE * at) / HEIGHT
        return
    top = 1.0 + gap
    for row in sorted(rows, key=lambda r: (-r["y"], r["key"])):
        top = row["slot"] = min(row["y"], top - gap)
    bottom = -gap
    for row in sorted(rows, key=lambda r: r["slot"]):
        bottom = row["slot"] = max(row["slot"], bottom + gap)


def draw(name: str, title: str, caption: str, layers: dict[Layout, list[Any]]) -> Chart:
    words = f"{title}. {caption}"
    wide, narrow = (vl_convert.vegalite_to_svg(_figure(marks, at.width)) for at, marks in layers.items())
    return Chart(title, caption, inline(wide, name, words), inline(narrow, f"{name}-narrow", words))


def small(name: str, title: str, caption: str, layers: list[Any], size: tuple[int, int] = SMALL) -> Chart:
    """A chart without names, which several charts share, for any width of the page."""
    wide = vl_convert.vegalite_to_svg(_figure(layers, *size))
    return Chart(title, caption, inline(wide, name, f"{title}. {caption}"))


def _figure(layers: list[Any], width: int, height: int = HEIGHT) -> dict[str, Any]:
    """The chart as Vega-Lite, in the colours and sizes of the pages."""
    chart = (
        alt.layer(*layers)
        .properties(width=width, height=height, padding={"left": 4, "top": 8, "bottom": 4, "right": 8})
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
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec
