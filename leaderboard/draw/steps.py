"""How small charts are drawn: falling steps over a length, and dots in lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from trustdm.leaderboard import text
from trustdm.leaderboard.draw.layout import INK, PERCENT, SMALL
from trustdm.leaderboard.scales import Scale
from trustdm.leaderboard.svg import COLOURS

DASHES = {"solid": "", "reported": "7 3", "preview": "2 2.5"}
DASH = alt.StrokeDash(
    "dash:N",
    scale=alt.Scale(domain=list(DASHES), range=[[1, 0], [7, 3], [2, 2.5]]),
    legend=None,
)
PIXEL = 0.4 / SMALL[1]
NAME, LINE, GAP, FOOT = 20, 17, 9, 4
BROAD = 330
LONGEST = 46
MIDDLE = 0.45


@dataclass(frozen=True, slots=True)
class Pen:
    """What a row looks like in every chart of its board; ``dash`` is a key of ``DASHES``."""

    key: int
    name: str
    colour: str
    dash: str

    def mark(self) -> dict[str, Any]:
        """The look as columns of a chart's data."""
        return {"key": self.key, "colour": COLOURS[self.colour], "dash": self.dash}


@dataclass(frozen=True, slots=True)
class Steps:
    """Curves over lengths from 0 to ``end``: the value at a length holds back to the one before.

    ``stairs``: one list for each curve with x, y, lo, hi and the columns of a ``Pen``. ``points`` also have a note:
    values that the board has columns for, on the curves. ``diamonds`` the same, of rows that have no curve. ``across``
    is the title of the axis of lengths.
    """

    end: float
    stairs: Sequence[Sequence[dict[str, Any]]]
    points: Sequence[dict[str, Any]]
    diamonds: Sequence[dict[str, Any]] = ()
    across: str = "Length"

    def layers(self) -> list[Any]:
        """The layers of the chart, the lowest first."""
        ticks = alt.Axis(values=Scale(0, self.end).ticks(5), labelFlush=False, format="~g")
        x = alt.X("x:Q", title=self.across, scale=alt.Scale(domain=[0, self.end], nice=False), axis=ticks)
        y = alt.Y("y:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=PERCENT)
        base = alt.Chart(alt.Data(values=[row for stair in self.stairs for row in thinned(stair)]))
        area = base.mark_area(aria=False, opacity=0.13, interpolate="step-before")
        line = base.mark_line(aria=False, strokeWidth=1.6, interpolate="step-before", strokeJoin="round")
        dots = alt.Chart(alt.Data(values=list(self.points))).mark_point(filled=True, size=16, opacity=1)
        banded = "isValid(datum.lo)"
        return [
            area.encode(x=x, y=alt.Y("lo:Q"), y2="hi:Q", color=INK, detail="key:N").transform_filter(banded),
            line.encode(x=x, y=y, color=INK, detail="key:N", strokeDash=DASH),
            dots.encode(x=x, y=y, color=INK, description="note:N"),
            *self._diamonds(x, y),
        ]

    def _diamonds(self, x: alt.X, y: alt.Y) -> list[Any]:
        if not self.diamonds:
            return []
        base = alt.Chart(alt.Data(values=list(self.diamonds)))
        bar = base.mark_rule(aria=False, strokeWidth=1.25).encode(x=x, y=alt.Y("lo:Q"), y2="hi:Q", color=INK)
        mark = base.mark_point(filled=True, size=95, opacity=1, shape="diamond", stroke=COLOURS["paper"], strokeWidth=1)
        return [bar, mark.encode(x=x, y=y, fill=alt.Fill("colour:N", scale=None), description="note:N")]


def thinned(stair: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The points of a staircase without those between two equal values, which lie on a line."""
    kept: list[dict[str, Any]] = []
    for at, row in enumerate(stair):
        inner = 0 < at < len(stair) - 1
        if inner and _level(stair[at - 1], row) and _level(row, stair[at + 1]):
            continue
        kept.append({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()})
    return kept


def _level(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(abs((one.get(k) or 0) - (other.get(k) or 0)) < PIXEL for k in ("y", "lo", "hi"))


@dataclass(frozen=True, slots=True)
class Dot:
    """One value with its interval in a lane: what is written beside it, and its note; a diamond where ``few``."""

    value: float
    low: float
    high: float
    says: str
    note: str
    few: bool = False


@dataclass(frozen=True, slots=True)
class Lanes:
    """A lane for each row with its name above, and in it a line for each dot."""

    lanes: Sequence[tuple[Pen, Sequence[Dot]]]
    axis: Scale
    title: str
    percent: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the drawing."""
        return BROAD, self._height()

    def _height(self) -> int:
        return sum(NAME + LINE * len(dots) + GAP for _, dots in self.lanes) + FOOT

    def layers(self) -> list[Any]:
        """The layers of the chart, the lowest first."""
        names, dots = self._placed()
        kind = alt.Scale(type="log" if self.axis.log else "linear", domain=[self.axis.low, self.axis.high], nice=False)
        ticks = self.axis.ticks(5)
        words = alt.Axis(values=ticks, labelOverlap="greedy", labelFlush=False, format="%" if self.percent else ",~g")
        x = alt.X("x:Q", title=self.title, scale=kind, axis=words)
        y = alt.Y("y:Q", scale=alt.Scale(domain=[self._height(), 0], nice=False), axis=None)
        base = alt.Chart(alt.Data(values=dots))
        heads = alt.Chart(alt.Data(values=names)).mark_text(aria=False, align="left", baseline="middle", fontSize=12)
        rule = base.mark_rule(aria=False, strokeWidth=1.25, opacity=0.6)
        said = base.mark_text(aria=False, baseline="middle", fontSize=12, color=COLOURS["soft"])
        return [
            heads.encode(x=alt.value(0), y=y, text="name:N", color=INK),
            rule.encode(x=alt.X("lo:Q"), x2="hi:Q", y=y, color=INK),
            *(self._marks(base, x, y, few=few) for few in (False, True)),
            *(self._said(said, side, y) for side in ("left", "right")),
        ]

    def _marks(self, base: Any, x: alt.X, y: alt.Y, *, few: bool) -> Any:
        shape, size = ("diamond", 80) if few else ("circle", 40)
        mark = base.mark_point(filled=True, size=size, opacity=1, shape=shape).encode(x=x, y=y, color=INK)
        return mark.encode(description="note:N").transform_filter("datum.few" if few else "!datum.few")

    def _said(self, base: Any, side: str, y: alt.Y) -> Any:
        """The words to the ``side`` of their dot, clear of its interval."""
        left = side == "left"
        placed = base.copy()
        placed.mark.align, placed.mark.dx = ("right", -8) if left else ("left", 8)
        end = alt.X("lo:Q" if left else "hi:Q")
        return placed.encode(x=end, y=y, text="says:N").transform_filter(f"datum.side === '{side}'")

    def _placed(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        names, dots, top = [], [], 0.0
        for pen, lane in self.lanes:
            names.append({"y": top + NAME / 2, "name": text.squeeze(pen.name, LONGEST), **pen.mark()})
            for at, dot in enumerate(lane):
                low, high = (min(max(v, self.axis.low), self.axis.high) for v in (dot.low, dot.high))
                middle = (self.axis.place(low) + self.axis.place(high)) / 2
                where = {"x": dot.value, "lo": low, "hi": high, "y": top + NAME + LINE * (at + 0.5)}
                words = {"says": dot.says, "note": dot.note, "few": dot.few}
                side = "left" if middle > MIDDLE else "right"
                dots.append({**where, **words, "side": side, **pen.mark()})
            top += NAME + LINE * len(lane) + GAP
        return names, dots
