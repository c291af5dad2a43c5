"""What the page of a method shows of its certificates: a table by radius, one by image, and a file of all images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from trustdm.bench.suite.load import Suite
from trustdm.bench.types import Estimate
from trustdm.leaderboard import columns, downloads, text
from trustdm.leaderboard.boards import Entry
from trustdm.leaderboard.columns import NOTHING
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.result_models import Certified, ExampleRow, Examples
from trustdm.leaderboard.tasks.certification.tracks import Track, reach, tracks

FIRST = 200
NOTE = (
    "Share of images whose right label is certified at a radius, with its 95% interval; a dash where the radius was "
    "not declared. Small below it: what the share of these images with a right label and a radius that truly holds is "
    "at least, with probability 0.999, since each certificate may be wrong with probability alpha."
)
IMAGES = "Whether the label is right, the certified radius, and the draws it took."
HEAD = ("evaluation", "sigma", "procedure", "alpha", "image", "label_right", "abstained", "radius", "declared_radius")


def certified(suite: Suite, entry: Entry) -> Certified | None:
    """The certificates of a row by radius, an evaluation in each column; None without any."""
    found = tracks(suite, entry)
    if not found:
        return None
    radii = sorted({radius for track in found for radius in track.radii})
    lines = [(f"Radius {radius}", tuple(_at(track, radius) for track in found)) for radius in radii]
    lines.append(("Average radius (ACR)", tuple(_average(track) for track in found)))
    lines.append(("Abstained", tuple(_abstained(track) for track in found)))
    lines.append(("Draws of an image", tuple(columns.drawn(suite, track.draws) for track in found)))
    lines.append(("Images", tuple(Cell(f"{track.n:,}") for track in found)))
    heads = tuple((f"σ {track.sigma}", _procedure(suite, track)) for track in found)
    return Certified(NOTE, heads, tuple(lines))


def images(suite: Suite, entry: Entry, name: str) -> tuple[Examples | None, dict[str, bytes]]:
    """The first images of a row and the file with all of them (by path); (None, {}) where it has none."""
    found = tracks(suite, entry)
    if not found:
        return None, {}
    order = {example: at for at, example in enumerate(suite.test.tolist())}
    everyone = {example for track in found for example in track.table.example.tolist()}
    listed = sorted(everyone, key=lambda example: (order.get(example, len(order)), example))
    columns_ = [_column(track) for track in found]
    shown = [
        ExampleRow(str(example), tuple(column.get(example, ("not-run", "")) for column in columns_))
        for example in listed[:FIRST]
    ]
    path = f"data/examples/{name}.csv"
    heads = tuple(f"σ {track.sigma}{', sequential' if track.sequential else ''}" for track in found)
    table = Examples(heads, tuple(shown), len(listed), f"../{path}", "Image by image", "Image", IMAGES)
    return table, {path: downloads.table_csv((*HEAD, "draws"), _lines(found))}


def _procedure(suite: Suite, track: Track) -> str:
    if track.sequential or track.reported:
        return track.procedure
    it = suite.certification
    return f"{track.procedure}, n = {it.estimation:,}, alpha {track.alpha}" if it else track.procedure


def _at(track: Track, radius: Fraction) -> Cell:
    if track.sequential and radius not in track.radii:
        return NOTHING
    value, least = track.certified(float(radius)), track.likely(float(radius))
    cell = columns.share(value)
    note = f"at least {text.percent(least)}" if least is not None and value.value else ""
    return Cell(cell.text, cell.detail, cell.sort, cell.bar, note)


def _average(track: Track) -> Cell:
    found: Estimate | None = track.average
    return columns.measure(found) if found is not None else NOTHING


def _abstained(track: Track) -> Cell:
    """Sequential ones that did not declare radius 0 cannot tell an abstention from a radius below their least."""
    return NOTHING if track.sequential and track.radii[0] else columns.share(track.abstention)


def _column(track: Track) -> dict[int, tuple[str, str]]:
    """The cells of one evaluation by image: (CSS class, text)."""
    return {int(example): _cell(track, at) for at, example in enumerate(track.table.example)}


def _cell(track: Track, at: int) -> tuple[str, str]:
    it = track.table
    draws = f", {int(it.draws[at]):,} draws" if it.draws[at] else ""
    known, radius = reach(track, at)
    if track.sequential and known is None:
        return "abstained", f"not certified{draws}"
    if it.abstained[at]:
        return "abstained", f"abstained{draws}"
    held = f"radius {radius}" if track.sequential else f"r = {radius}"
    return ("correct", f"right, {held}{draws}") if it.right[at] else ("wrong", f"wrong, {held}{draws}")


def _lines(found: Sequence[Track]) -> Iterable[Sequence[object]]:
    for track in found:
        it = track.table
        whose = (track.evaluation, str(track.sigma), track.procedure, str(track.alpha) if track.alpha else "")
        for at, example in enumerate(it.example.tolist()):
            radius, _ = reach(track, at)
            told = (None, radius) if track.sequential else (radius, None)
            said = ("yes" if it.right[at] else "no", "yes" if it.abstained[at] else "no")
            yield (*whose, example, *said, *told, int(it.draws[at]) or None)
