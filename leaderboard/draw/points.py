"""How charts of points are drawn: curves, and clouds with two intervals, over places from 0 to 1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from trustdm.bench.types import Estimate
from trustdm.leaderboard import text
from trustdm.leaderboard.draw.layout import INK, PREVIEW, Layout, labels, place, points
from trustdm.leaderboard.scales import Scale
from trustdm.leaderboard.svg import COLOURS

UNIT = 1_000_000
NAME = 40


@dataclass(frozen=True, slots=True)
class Look:
    """What a row looks like in every chart; ``key`` is its place on the board."""

    key: int
    name: str
    preview: bool
    colour: str
    shape: str

    def mark(self) -> dict[str, Any]:
        """The look as columns of a chart's data."""
        return {
            "key": self.key,
            "label": text.squeeze(self.name, NAME),
            "preview": self.preview,
            "colour": self.colour,
            "shape": self.shape,
        }


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with its ``title``; ``ticks`` are values of it, round ones where none are given."""

    title: str
    scale: Scale
    ticks: tuple[float, ...] = ()
    percent: bool = False

    def drawn(self) -> alt.Axis:
        """Ticks at their places on an axis from 0 to 1, with the values as labels."""
        values = [v for v in self.ticks or self.scale.ticks()]
        at = [round(UNIT * self.scale.place(v)) for v in values]
        words = [f"{100 * v:g}%" if self.percent else text.number(v, 3) for v in values]
        said = f"{json.dumps(words)}[indexof({json.dumps(at)}, round(datum.value * {UNIT}))]"
        return alt.Axis(
            values=[k / UNIT for k in at], labelExpr=said, labelOverlap="greedy", labelFlush=False, title=self.title
        )

    def across(self) -> alt.X:
        return alt.X("px:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=self.drawn())

    def up(self) -> alt.Y:
        return alt.Y("y:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=self.drawn())


def height(value: Estimate, scale: Scale) -> dict[str, float]:
    """An estimate and the ends of its interval as places."""
    return {"y": scale.place(value.value), "lo": scale.place(value.low), "hi": scale.place(value.high)}


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves of several rows: ``spots`` with px, y, lo, hi, note and the columns of a ``Look``.

    ``best`` (px, y) are joined by a broad line, and only rows on it are named; without any all rows are. ``baselines``
    are drawn as dotted lines with their names.
    """

    spots: Sequence[dict[str, Any]]
    across: Axis
    up: Axis
    best: Sequence[tuple[float, float]] = ()
    baselines: Sequence[tuple[str, Estimate]] = ()

    def layers(self, layout: Layout) -> list[Any]:
        """The layers of the chart, the lowest first."""
        x, y = self.across.across(), self.up.up()
        ends = self._named()
        place(ends, layout)
        base = alt.Chart(alt.Data(values=list(self.spots)))
        line = base.mark_line(aria=False, strokeWidth=1.5, opacity=0.8)
        whisker = base.mark_rule(aria=False, strokeWidth=1, opacity=0.5)
        return [
            *self._best(x, y),
            *self._lines(y, layout),
            line.encode(x=x, y=y, color=INK, detail="key:N", strokeDash=PREVIEW),
            whisker.encode(x=x, y=alt.Y("lo:Q"), y2="hi:Q", color=INK),
            *points(base, x, y, shaped=True),
            *labels(alt.Chart(alt.Data(values=ends)), x, y, layout, shaped=True),
        ]

    def _named(self) -> list[dict[str, Any]]:
        """For each row that is named the point its name belongs to: its last one, or its last of the best."""
        wanted = [spot for spot in self.spots if not self.best or (spot["px"], spot["y"]) in self.best]
        last = {spot["key"]: spot for spot in sorted(wanted, key=lambda spot: float(spot["px"]))}
        return [{**spot, "order": spot["y"]} for spot in last.values()]

    def _best(self, x: alt.X, y: alt.Y) -> list[Any]:
        base = alt.Chart(alt.Data(values=[{"px": px, "y": py} for px, py in self.best]))
        line = base.mark_line(aria=False, strokeWidth=6, opacity=0.45, color=COLOURS["edge"], interpolate="step-after")
        return [line.encode(x=x, y=y)] if len(self.best) > 1 else []

    def _lines(self, y: alt.Y, layout: Layout) -> list[Any]:
        if not self.baselines:
            return []
        rows = [{**height(value, self.up.scale), "text": name} for name, value in self.baselines]
        base = alt.Chart(alt.Data(values=rows))
        rule = base.mark_rule(aria=False, strokeDash=[2, 3], strokeWidth=1.25, color=COLOURS["soft"])
        words = base.mark_text(aria=False, align="left", baseline="bottom", dy=-4, fontSize=12, color=COLOURS["soft"])
        return [
            rule.encode(x=alt.value(0), x2=alt.value(layout.width), y=y),
            words.encode(x=alt.value(4), y=y, text="text:N"),
        ]


@dataclass(frozen=True, slots=True)
class Cloud:
    """One point a row: ``spots`` with px, xlo, xhi, y, lo, hi, note and the columns of a ``Look``."""

    spots: Sequence[dict[str, Any]]
    across: Axis
    up: Axis

    def layers(self, layout: Layout) -> list[Any]:
        """The layers of the chart, the lowest first."""
        x, y = self.across.across(), self.up.up()
        rows = [dict(spot) for spot in self.spots]
        place(rows, layout)
        base = alt.Chart(alt.Data(values=rows))
        rule = base.mark_rule(aria=False, strokeWidth=1, opacity=0.5)
        return [
            rule.encode(x=x, y=alt.Y("lo:Q"), y2="hi:Q", color=INK),
            rule.encode(x=alt.X("xlo:Q"), x2="xhi:Q", y=y, color=INK),
            *points(base, x, y, shaped=True),
            *labels(base, x, y, layout, shaped=True),
        ]
