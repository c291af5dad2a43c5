"""The charts of a certified board: accuracy by radius for each sigma, its envelope, draws and abstentions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from trustdm.bench.smoothing.accuracy import ENVELOPE, envelope
from trustdm.bench.types import Estimate, Origin
from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Board, chart_names
from trustdm.leaderboard.draw.layout import small
from trustdm.leaderboard.draw.steps import DASHES, Dot, Lanes, Pen, Steps
from trustdm.leaderboard.models import Key
from trustdm.leaderboard.scales import Scale
from trustdm.leaderboard.svg import Chart
from trustdm.leaderboard.tasks.certification import noise
from trustdm.leaderboard.tasks.certification.tracks import Track, tracks

MOST = 8
FINE = 120
QUARTER = 0.25
BANDS = "Bands are 95% intervals, at each radius by itself; points are the radii of the table."


@dataclass(frozen=True)
class Line:
    """One row of a board with its certificates."""

    pen: Pen
    tracks: tuple[Track, ...]

    def fixed(self) -> list[Track]:
        """Those that have a curve."""
        return [track for track in self.tracks if not track.sequential]


def board_charts(name: str, board: Board) -> tuple[tuple[Chart, ...], tuple[Key, ...]]:
    """The charts of a board whose rows come best first, and the legend they share; neither without certificates."""
    drawn = lines(board)
    kept = drawn[:MOST]
    more = f" {len(drawn) - MOST} lower rows are left out." if len(drawn) > MOST else ""
    sigmas = sorted({track.sigma for line in kept for track in line.tracks})
    charts = [_of_sigma(f"{name}-s{at}", kept, sigma, more) for at, sigma in enumerate(sigmas)]
    charts += [_envelope(f"{name}-e", kept, more), _draws(f"{name}-d", board, kept, more), _abstained(name, kept, more)]
    return tuple(chart for chart in charts if chart is not None), _keys(kept)


def lines(board: Board) -> list[Line]:
    """The current rows with certificates, full ones first, in the order of the board."""
    current = [entry for entry in board.entries if entry.row.currency == "current"]
    certified = [(entry, own) for entry in current if (own := tracks(board.suite, entry))]
    certified.sort(key=lambda pair: pair[0].row.completeness != "full")
    names = chart_names([entry for entry, _ in certified])
    drawn = []
    for key, ((entry, own), name) in enumerate(zip(certified, names, strict=True)):
        dash = "preview" if entry.row.completeness == "preview" else "solid"
        dash = "reported" if entry.row.origin is Origin.REPORTED else dash
        drawn.append(Line(Pen(key, name, f"series-{key % MOST + 1}", dash), own))
    return drawn


def _keys(kept: Sequence[Line]) -> tuple[Key, ...]:
    keys = [Key(line.pen.name, line.pen.colour, DASHES[line.pen.dash]) for line in kept]
    dashes = {line.pen.dash for line in kept}
    for dash, label in (("reported", "reported, not run here"), ("preview", "preview, part of the images")):
        keys += [Key(label, "soft", DASHES[dash])] if dash in dashes else []
    if any(track.sequential for line in kept for track in line.tracks):
        keys.append(Key("sequential, at its declared radii", "soft", "none"))
    return tuple(keys)


def _of_sigma(name: str, kept: Sequence[Line], sigma: Fraction, more: str) -> Chart | None:
    pairs = [(line.pen, track) for line in kept for track in line.tracks if track.sigma == sigma]
    fixed = [(pen, track) for pen, track in pairs if not track.sequential]
    end = _end(track.longest for _, track in pairs)
    diamonds = [point for pen, track in pairs if track.sequential for point in _points(pen, track, end)]
    steps = Steps(
        end=end,
        stairs=[_stair(pen, track, end) for pen, track in fixed],
        points=[point for pen, track in fixed for point in _points(pen, track, end)],
        diamonds=diamonds,
        across="Radius",
    )
    caption = f"Certified accuracy at radius r under noise of σ = {sigma}: right labels certified there. {BANDS}"
    caption += " Diamonds are sequential certificates, which are known at their declared radii alone." * bool(diamonds)
    return small(name, f"Certified accuracy, σ {sigma}", caption + more, steps.layers())


def _end(longest: Iterable[float]) -> float:
    """Where the axis of radii ends: at the next quarter."""
    return QUARTER * max(1, math.ceil((max(longest, default=0.0) + 0.02) / QUARTER))


def _grid(track: Track, end: float) -> Sequence[float]:
    """The radii at which a curve falls, or as many as can be told apart."""
    known = track.table.radius
    own = np.unique(known[known > 0]) if known is not None else np.zeros(0)
    even = np.linspace(0, end, FINE)
    return [float(r) for r in (own if len(own) < FINE else even[even < track.longest])]


def _stair(pen: Pen, track: Track, end: float) -> list[dict[str, Any]]:
    places = [0.0, *_grid(track, end)]
    stair = [{"x": r, **_ends(track.certified(r)), **pen.mark()} for r in places if r <= track.longest]
    none = _ends(track.certified(end))
    return [*stair, *({"x": x, **none, **pen.mark()} for x in (max(track.longest, 1e-6), end))]


def _ends(value: Estimate) -> dict[str, float]:
    return {"y": value.value, "lo": value.low, "hi": value.high}


def _points(pen: Pen, track: Track, end: float) -> Iterator[dict[str, Any]]:
    for radius in track.radii:
        if radius > end:
            continue
        value = track.certified(float(radius))
        kind = ", sequential" if track.sequential else ""
        note = f"{pen.name}, σ {track.sigma}, radius {radius}{kind}: {text.estimate(value)}, n = {value.n:,}"
        yield {"x": float(radius), **_ends(value), "note": note, **pen.mark()}


def _envelope(name: str, kept: Sequence[Line], more: str) -> Chart | None:
    """For each row with several sigmas the best certified accuracy at each radius."""
    several = [line for line in kept if len({track.sigma for track in line.fixed()}) > 1]
    if not several:
        return None
    end = _end(track.longest for line in several for track in line.fixed())
    grid: list[float] = np.linspace(0, end, FINE).tolist()
    stairs = [
        [{"x": x, "y": y, **line.pen.mark()} for x, y in zip(grid, _best(line, grid)[0].tolist(), strict=True)]
        for line in several
    ]
    points = [point for line in several for point in _best_points(line, end)]
    caption = (
        f"The {ENVELOPE}, for each row. It is not the curve of any one model: sigma is chosen for every radius with "
        "the results known, which flatters, and so there is no interval."
    )
    layers = Steps(end, stairs, points, across="Radius").layers()
    return small(name, f"Certified accuracy, {ENVELOPE}", caption + more, layers)


def _best(line: Line, grid: Sequence[float]) -> tuple[Any, Any]:
    return envelope({float(t.sigma): [t.certified(r).value for r in grid] for t in line.fixed()})


def _best_points(line: Line, end: float) -> Iterator[dict[str, Any]]:
    radii = sorted({radius for track in line.fixed() for radius in track.radii if radius <= end})
    labels = {float(track.sigma): track.sigma for track in line.fixed()}
    values, sigmas = _best(line, [float(radius) for radius in radii])
    for radius, value, sigma in zip(radii, values.tolist(), sigmas.tolist(), strict=True):
        of = f", of σ {labels[sigma]}" if value else ""
        note = f"{line.pen.name}, {ENVELOPE}, radius {radius}: {text.percent(value)}{of}"
        yield {"x": float(radius), "y": value, "note": note, **line.pen.mark()}


def _draws(name: str, board: Board, kept: Sequence[Line], more: str) -> Chart | None:
    """Draws of an image, fixed against sequential, on a logarithmic axis; None where nothing is sequential."""
    lanes = [(line.pen, dots) for line in kept if (dots := _draw_dots(board, line))]
    if not any(dot.few for _, dots in lanes for dot in dots):
        return None
    ends = [v for _, dots in lanes for dot in dots for v in (dot.value, dot.high) if np.isfinite(v)]
    least = min(dot.value for _, dots in lanes for dot in dots)
    caption = (
        "Noisy copies of an image that were classified, those that choose the label included: the mean over the "
        "images with its 95% interval, on a logarithmic axis. A fixed number is the same for every image; diamonds "
        f"are sequential procedures, with how many times fewer that is.{more}"
    )
    plot = Lanes(lanes, Scale(least / 2, 1.5 * max(ends), log=True), "Draws an image")
    return small(name, "Draws of an image", caption, plot.layers(), plot.size)


def _draw_dots(board: Board, line: Line) -> list[Dot]:
    dots: dict[tuple[bool, float], Dot] = {}
    for track in line.tracks:
        value = track.draws
        if value is None:
            continue
        mean, interval = text.measure(value.value, value.low, value.high)
        if not track.sequential:
            note = f"{line.pen.name}, fixed n: {mean} draws"
            dots[False, value.value] = Dot(value.value, value.value, value.value, f"fixed n: {mean}", note)
            continue
        fewer = noise.reduction(board.suite, value)
        short = f" ({fewer.partition(' ')[0]} fewer)" if fewer else ""
        says = f"{noise.listed(track.radii)}: {value.value:,.0f}{short}"
        note = f"{line.pen.name}, {track.procedure}, σ {track.sigma}: {mean} {interval} draws, {fewer}"
        dots[True, float(len(dots))] = Dot(value.value, value.low, value.high, says, note, few=True)
    return list(dots.values())


def _abstained(name: str, kept: Sequence[Line], more: str) -> Chart | None:
    lanes = [(line.pen, _abstention_dots(line)) for line in kept if line.fixed()]
    if not lanes:
        return None
    high = max(dot.high for _, dots in lanes for dot in dots)
    caption = (
        "Share of images on which the bound does not exceed one half, so that no label is given; these count as wrong "
        f"at every radius. Bars are 95% intervals.{more}"
    )
    plot = Lanes(lanes, Scale(0.0, min(1.0, max(0.05, 1.1 * high))), "Images abstained on", percent=True)
    return small(f"{name}-a", "Abstention", caption, plot.layers(), plot.size)


def _abstention_dots(line: Line) -> list[Dot]:
    dots = []
    for track in line.fixed():
        value = track.abstention
        note = f"{line.pen.name}, σ {track.sigma}: abstained on {text.estimate(value)}, n = {value.n:,}"
        dots.append(Dot(value.value, value.low, value.high, f"σ {track.sigma}: {text.percent(value.value)}", note))
    return dots
