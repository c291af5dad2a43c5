"""The page of a study: what a row gets on one board against what it, or what is made of it, gets on another."""

from __future__ import annotations

from collections.abc import Sequence

from trustdm.bench.studies import Axis as StudyAxis
from trustdm.bench.studies import Point, Study, points
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.row import Row
from trustdm.bench.types import Estimate
from trustdm.leaderboard import cells as formats
from trustdm.leaderboard import columns, text
from trustdm.leaderboard.boards import Board, Entry, Site, chart_names
from trustdm.leaderboard.draw.layout import NARROW, WIDE, draw
from trustdm.leaderboard.draw.points import Axis, Cloud, Look, height
from trustdm.leaderboard.models import Cell, Pair, StudyPage
from trustdm.leaderboard.pages.common import method_path, page, suite_path
from trustdm.leaderboard.scales import Scale, scale
from trustdm.leaderboard.svg import COLOURS, Chart

MOST = 16
PALETTE = 8
MARGIN = 0.06
CAPTION = "A point is two rows about the same thing; bars are 95% intervals, hollow points have a preview in them."


class _Side:
    """One axis of a study: its board and its metric."""

    def __init__(self, site: Site, axis: StudyAxis):
        board = site.board(axis.suite)
        if board is None:
            raise LookupError(f"suite {axis.suite} is not on the site")
        self.board: Board = board
        self.metric: MetricSpec = next(m for m in board.suite.metrics if m.name == axis.metric)
        self.label = columns.label(board.suite, self.metric)
        self.unit = columns.unit(board.suite, self.metric)
        self.entries: dict[tuple[int, ...], Entry] = {entry.row.cells: entry for entry in board.entries}

    @property
    def rows(self) -> list[Row]:
        return [entry.row for entry in self.board.entries]

    def estimate(self, row: Row) -> Estimate:
        return row.metrics[self.metric.name]

    def cell(self, row: Row) -> Cell:
        return formats.without_note(columns.value(self.board, self.metric, self.estimate(row)))

    def axis(self, rows: Sequence[Row]) -> Axis:
        """The axis that the intervals of these rows fit on; shares are never logarithmic."""
        ends = [v for row in rows for e in [self.estimate(row)] for v in (e.low, e.value, e.high)]
        wide = float("inf") if self.unit == "share" else 10.0
        fit = scale((v for v in ends if v or self.unit != "distance"), wide=wide, margin=MARGIN) or Scale(0, 1)
        return Axis(self.label, fit, percent=self.unit == "share")


def study_page(site: Site, study: Study) -> StudyPage:
    """The page of a study whose suites are on the site."""
    x, y = _Side(site, study.x), _Side(site, study.y)
    pairs = points(study, x.rows, y.rows)
    pairs.sort(key=lambda p: x.estimate(p.x).value)
    shown = pairs[:MOST]
    return StudyPage(
        page=page(study.title, study.question, site, root="../", here=study),
        name=study.name,
        question=study.question,
        axes=(_told(x), _told(y)),
        charts=(_chart(study, x, y, shown),) if shown else (),
        pairs=tuple(_pair(x, y, point) for point in pairs),
        left_out=f"The chart shows the first {MOST} of {len(pairs)} pairs." if len(pairs) > MOST else "",
    )


def _told(side: _Side) -> tuple[str, str, str]:
    return side.label, side.board.suite.title, f"../{suite_path(side.board.suite)}"


def _pair(x: _Side, y: _Side, point: Point) -> Pair:
    entries = (x.entries[point.x.cells], y.entries[point.y.cells])
    hrefs = (f"../{method_path(point.x.method)}", f"../{method_path(point.y.method)}")
    names = (entries[0].name, entries[1].name)
    return Pair(point.key, names, hrefs, (x.cell(point.x), y.cell(point.y)))


def _chart(study: Study, x: _Side, y: _Side, shown: Sequence[Point]) -> Chart:
    across, up = x.axis([p.x for p in shown]), y.axis([p.y for p in shown])
    names = chart_names([x.entries[p.x.cells] for p in shown])
    spots = []
    for key, (point, name) in enumerate(zip(shown, names, strict=True)):
        preview = "preview" in (point.x.completeness, point.y.completeness)
        colour = COLOURS[f"series-{key + 1}" if key < PALETTE else "muted"]
        look = Look(key, name, preview, colour, "circle")
        one, two = x.estimate(point.x), y.estimate(point.y)
        ends = {"px": one.value, "xlo": one.low, "xhi": one.high}
        places = {side: across.scale.place(value) for side, value in ends.items()}
        note = f"{name}: {x.label} {formats.line(one, x.unit)}, {y.label} {formats.line(two, y.unit)}"
        spots.append({**look.mark(), **places, **height(two, up.scale), "note": note})
    plot = Cloud(spots, across, up)
    layers = {layout: plot.layers(layout) for layout in (WIDE, NARROW)}
    return draw(f"study-{text.slug(study.name)}", f"{y.label} against {x.label}", CAPTION, layers)
