"""The charts of a board of generators: distance by steps and by network evaluations, precision against recall.

A colour is a method, a shape one of its variants (samplers, say), the same in every chart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trustdm.bench.types import Estimate
from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Board, Entry, chart_names
from trustdm.leaderboard.draw.layout import NARROW, WIDE, draw
from trustdm.leaderboard.draw.points import Axis, Cloud, Curves, Look, height
from trustdm.leaderboard.scales import Scale, scale
from trustdm.leaderboard.svg import COLOURS, Chart
from trustdm.leaderboard.tasks.generation import words
from trustdm.leaderboard.tasks.generation.words import EVALUATIONS, FRECHET

MOST = 16
PALETTE = 8
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
WIDE_X = 4.0
MARGIN = 0.04
FEW = 8


@dataclass(frozen=True, slots=True)
class Spot:
    """One evaluation of a row: its number of steps, its network evaluations (None: not known), its distance."""

    steps: int | None
    evaluations: float | None
    distance: Estimate


@dataclass(frozen=True, slots=True)
class Curve:
    """One row of a board; ``shares`` are precision and recall under the evaluation that ranks."""

    look: Look
    spots: tuple[Spot, ...]
    shares: tuple[Estimate, Estimate] | None


@dataclass(frozen=True, slots=True)
class _Frame:
    """What charts of distances share: what the distance is called, that of real images, and what is left out."""

    distance: str
    floor: Estimate | None
    more: str


Across = Sequence[tuple[Curve, Spot, float]]


def board_charts(name: str, board: Board, floor: Estimate | None) -> tuple[Chart, ...]:
    """The charts of a board whose rows come best first; none where no row has a distance.

    ``floor`` is the distance of held-out real images, for a full set.
    """
    drawn = curves(board)
    full = [curve for curve in drawn if not curve.look.preview][:MOST]
    kept = full + [curve for curve in drawn if curve.look.preview][: MOST - min(len(full), MOST // 2)]
    more = f" {len(drawn) - len(kept)} lower rows are left out." if len(drawn) > len(kept) else ""
    distance = words.distance(board.suite)
    charts = (
        _by_steps(f"{name}-a", kept, _Frame(distance, floor, more)),
        _by_evaluations(f"{name}-b", kept, _Frame(distance, floor, more)),
        _shares(f"{name}-c", kept, more),
    )
    return tuple(chart for chart in charts if chart is not None)


def curves(board: Board) -> list[Curve]:
    """The current rows with at least one distance, in the order of the board."""
    current = [entry for entry in board.entries if entry.row.currency == "current"]
    with_spots = [(entry, spots) for entry in current if (spots := _spots(board, entry))]
    looks = _looks([entry for entry, _ in with_spots])
    return [
        Curve(look, spots, _precision_recall(board, entry))
        for (entry, spots), look in zip(with_spots, looks, strict=True)
    ]


def frontier(spots: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those (cost, distance) for which no other costs at most as much and is as close, by ascending cost."""
    best: list[tuple[float, float]] = []
    for cost, distance in sorted(spots):
        if not best or distance < best[-1][1]:
            best.append((cost, distance))
    return best


def _spots(board: Board, entry: Entry) -> tuple[Spot, ...]:
    suite, values = board.suite, entry.row.metrics
    there = [metric for metric in suite.metrics if metric.name in values]
    cost = {m.evaluation: values[m.name].value for m in there if m.statistic == EVALUATIONS}
    spots = [
        Spot(words.steps(suite, m.evaluation), cost.get(m.evaluation), values[m.name])
        for m in there
        if m.statistic == FRECHET
    ]
    return tuple(sorted(spots, key=lambda spot: spot.steps or 0))


def _precision_recall(board: Board, entry: Entry) -> tuple[Estimate, Estimate] | None:
    suite = board.suite
    ranked = suite.ranking_metric.evaluation
    names = {m.statistic: m.name for m in suite.metrics if m.evaluation == ranked}
    precision, recall = (entry.row.metrics.get(names.get(kind, "")) for kind in ("precision", "recall"))
    return (precision, recall) if precision is not None and recall is not None else None


def _looks(entries: Sequence[Entry]) -> list[Look]:
    """A colour for each method, a shape for each of its rows; grey where there are more methods than colours."""
    methods = list(dict.fromkeys(entry.row.method for entry in entries))
    called, turns = chart_names(entries), dict.fromkeys(methods, 0)
    looks = []
    for key, entry in enumerate(entries):
        at, turn = methods.index(entry.row.method), turns[entry.row.method]
        turns[entry.row.method] = turn + 1
        colour = COLOURS[f"series-{at + 1}" if at < PALETTE else "muted"]
        shape = SHAPES[(turn if at < PALETTE else at + turn) % len(SHAPES)]
        preview = entry.row.completeness == "preview"
        looks.append(Look(key, called[key], preview, colour, shape))
    return looks


def _by_steps(name: str, drawn: Sequence[Curve], frame: _Frame) -> Chart | None:
    across = [(curve, spot, float(spot.steps)) for curve in drawn for spot in curve.spots if spot.steps]
    places = sorted({x for _, _, x in across})
    if len(places) < 2:
        return None
    caption = f"{frame.distance} to the reference, by the number of steps; lower is better."
    caption += f"{_words(drawn, frame.floor)}{frame.more}"
    ticks = tuple(places) if len(places) <= FEW else ()
    title = f"{frame.distance} by number of steps"
    return _distances(name, (title, caption), across, frame, Axis("Steps", _wide(across), ticks))


def _by_evaluations(name: str, drawn: Sequence[Curve], frame: _Frame) -> Chart | None:
    across = [(curve, spot, spot.evaluations) for curve in drawn for spot in curve.spots if spot.evaluations]
    if len({x for _, _, x in across}) < 2:
        return None
    full = [(x, spot.distance.value) for curve, spot, x in across if not curve.look.preview]
    best = frontier(full or [(x, spot.distance.value) for _, spot, x in across])
    caption = (
        "The same distances by what they cost: network evaluations (NFE) of an image, as counted. The broad line "
        "joins the least distance at each cost, and the rows on it are named; colours and shapes are those of the "
        f"chart by steps. Down and to the left is better.{frame.more}"
    )
    axis = Axis("Network evaluations (NFE)", _wide(across))
    return _distances(name, (f"{frame.distance} by network evaluations", caption), across, frame, axis, best)


def _wide(across: Across) -> Scale:
    return scale((x for _, _, x in across), wide=WIDE_X, margin=MARGIN) or Scale(0, 1)


def _words(drawn: Sequence[Curve], floor: Estimate | None) -> str:
    sentences = " Bars are 95% intervals."
    if any(curve.look.preview for curve in drawn):
        sentences += " Hollow points and dashed lines are previews: fewer images make their distances larger."
    if floor is not None:
        sentences += f" The dotted line is what held-out real images get (n = {floor.n:,})."
    return sentences


def _distances(
    name: str,
    caption: tuple[str, str],
    shown: Across,
    frame: _Frame,
    across: Axis,
    best: Sequence[tuple[float, float]] = (),
) -> Chart | None:
    values = [spot.distance for _, spot, _ in shown] + ([frame.floor] if frame.floor else [])
    up = scale((v for e in values for v in (e.low, e.value, e.high) if v > 0), margin=MARGIN)
    if up is None:
        return None
    rows = [
        {**curve.look.mark(), "px": across.scale.place(x), **height(spot.distance, up), "note": _note(curve, spot)}
        for curve, spot, x in shown
    ]
    joined = [(across.scale.place(x), up.place(y)) for x, y in best]
    lines = [("real images", frame.floor)] if frame.floor else []
    plot = Curves(rows, across, Axis(frame.distance, up), joined, lines)
    return draw(name, *caption, {layout: plot.layers(layout) for layout in (WIDE, NARROW)})


def _note(curve: Curve, spot: Spot) -> str:
    shown, interval = text.measure(spot.distance.value, spot.distance.low, spot.distance.high)
    steps = f", {spot.steps} steps" if spot.steps else ""
    cost = f", {text.count(spot.evaluations)} network evaluations" if spot.evaluations else ""
    return f"{curve.look.name}{steps}{cost}: {shown} {interval}, n = {spot.distance.n:,}"


def _shares(name: str, drawn: Sequence[Curve], more: str) -> Chart | None:
    """Precision against recall, with both intervals."""
    points = [(curve.look, *curve.shares) for curve in drawn if curve.shares is not None]
    if not points:
        return None
    caption = (
        "How many generated images lie where real ones do (precision), against how many real ones lie where generated "
        f"ones do (recall), under the evaluation that ranks. Bars are 95% intervals; up and right is better.{more}"
    )
    span = [v for _, *pair in points for e in pair for v in (e.low, e.high)]
    axis = Scale(max(0.0, min(span) - 0.03), min(1.0, max(span) + 0.03))
    rows = []
    for look, precision, recall in points:
        ends = {"px": axis.place(recall.value), "xlo": axis.place(recall.low), "xhi": axis.place(recall.high)}
        note = f"{look.name}: precision {text.estimate(precision)}, recall {text.estimate(recall)}, n = {recall.n:,}"
        rows.append({**look.mark(), **ends, **height(precision, axis), "note": note})
    plot = Cloud(rows, Axis("Recall", axis, percent=True), Axis("Precision", axis, percent=True))
    return draw(name, "Precision and recall", caption, {layout: plot.layers(layout) for layout in (WIDE, NARROW)})
